using System.Collections.Immutable;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Probe;

/// <summary>Both sides of a modelled NAT or firewall, in virtual time: packets arrive at once.</summary>
/// <param name="box">The NAT or firewall.</param>
/// <param name="inside">The two hosts inside.</param>
/// <param name="outside">The two addresses outside.</param>
public class MiddleboxNetwork(IMiddlebox box, ImmutableArray<TransportAddress> inside, ImmutableArray<TransportAddress> outside) : IProbeNetwork
{
    private readonly Dictionary<TransportAddress, Dictionary<uint, TransportAddress>> _sockets = [];
    private Instant _now;

    /// <inheritdoc/>
    public ImmutableArray<TransportAddress> Inside { get; } = inside;

    /// <inheritdoc/>
    public ImmutableArray<TransportAddress> Outside { get; } = outside;

    /// <inheritdoc/>
    public void Open(TransportAddress local) => _sockets.Add(local, []);

    /// <inheritdoc/>
    public virtual void Send(TransportAddress from, TransportAddress to, uint number)
    {
        var verdict = Pass(new NatPacket(from, to));
        if (verdict.IsTranslated) Deliver(verdict.Packet, number);
    }

    /// <inheritdoc/>
    public bool TryReceive(TransportAddress at, uint number, out TransportAddress from) => _sockets[at].Remove(number, out from);

    /// <inheritdoc/>
    public void Wait(TimeSpan duration) => _now += duration;

    private protected NatVerdict Pass(NatPacket packet) =>
        Inside.Any(packet.Source.SameHost) ? box.TranslateOutbound(_now, packet) : box.TranslateInbound(_now, packet);

    private protected void Deliver(NatPacket packet, uint number)
    {
        if (_sockets.TryGetValue(packet.Destination, out var socket)) socket[number] = packet.Source;
    }
}
