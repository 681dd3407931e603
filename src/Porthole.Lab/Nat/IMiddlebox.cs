using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>A NAT or a firewall between an inside and an outside, as a pure function of time: it never reads a clock.</summary>
public interface IMiddlebox
{
    /// <summary>A packet from the inside.</summary>
    /// <param name="now">The time; never earlier than in the last call.</param>
    /// <param name="packet">Source inside, destination outside (or an external address of this box: a hairpin).</param>
    NatVerdict TranslateOutbound(Instant now, NatPacket packet);

    /// <summary>A packet from the outside.</summary>
    /// <param name="now">The time; never earlier than in the last call.</param>
    /// <param name="packet">Source outside, destination as the outside sees the inside.</param>
    NatVerdict TranslateInbound(Instant now, NatPacket packet);

    /// <summary>Forgets everything, as a restart does.</summary>
    void Reset();
}
