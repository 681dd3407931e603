using System.Collections.Immutable;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>
/// One method of a punch by UDP while it runs. It decides what is opened, asked, sent and told, and when; <see cref="UdpPunch"/> does it. Whether a pair came of
/// it, the agent of the punch finds out.
/// </summary>
internal abstract class UdpMethod(UdpPunch punch)
{
    /// <summary>When to call <see cref="HandleDeadline"/>; null when only input can wake it.</summary>
    public virtual Instant? NextDeadline => null;

    /// <summary>Whether it has done what it can, and nothing came of it.</summary>
    public bool IsOver { get; protected set; }

    /// <summary>What its packets met, in a few words; empty when there is nothing to add.</summary>
    public string Detail { get; protected set; } = "";

    /// <summary>Whether the budget ended it, or forbade it.</summary>
    public bool IsBudgetSpent { get; protected set; }

    /// <summary>Whether what it sent was refused, and that ended it.</summary>
    public bool IsRefused { get; protected set; }

    protected UdpPunch Punch { get; } = punch;

    /// <summary>The method begins.</summary>
    public abstract void Begin(Instant now);

    /// <summary>Takes the passing of time.</summary>
    public virtual void HandleDeadline(Instant now) { }

    /// <summary>A fresh socket is open; the agent takes checks that come to it.</summary>
    public virtual void HandleOpened(Instant now, FreshSocket socket) { }

    /// <summary>A fresh socket is lost, or could not be had: the system has no more, or the network said that there is no way.</summary>
    public virtual void HandleGone(Instant now) { }

    /// <summary>A packet of the punch met an ICMP error.</summary>
    public virtual void HandleUnreachable(Instant now) { }

    /// <summary>A server has answered a question of a fresh socket.</summary>
    public virtual void HandleAnswer(Instant now, FreshAnswer answer) { }

    /// <summary>Whether an address that the other side tells is meant for this method.</summary>
    public virtual bool Takes(CandidateInfo candidate) => false;

    /// <summary>The other side has told addresses that are meant for this method; those that came before it began are told when it does.</summary>
    public virtual void HandleTold(Instant now, ImmutableArray<CandidateInfo> candidates) { }

    /// <summary>The method ends, whatever came of it. Its sockets are the punch's to close.</summary>
    public virtual void End(Instant now, bool hadPair) { }
}
