namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// What the other side is to do with a candidate. All but the first are told while a punch runs, lie on a proved public host, and are numbered by
/// <see cref="CandidateInfo.Round"/>, so that what belongs to one try of a method is not mixed with what is left of another.
/// </summary>
public enum CandidatePurpose
{
    /// <summary>It is checked in the ordinary way.</summary>
    Check,

    /// <summary>
    /// A port that a NAT is expected to have given a fresh socket, which has sent toward the receiver: it gets checks on a guess, in the order of the list.
    /// </summary>
    Predicted,

    /// <summary>
    /// The address of a fresh socket that may have an opposite of the same round: then it gets checks from that one alone, since either NAT expects the other, and else
    /// from the ordinary sockets.
    /// </summary>
    Fresh,

    /// <summary>
    /// The address of a fresh socket before which the receiver is to open its own NAT: from a fresh socket of its own, with a packet that does not arrive. It
    /// answers with that socket's address, as <see cref="Fresh"/> of the same round.
    /// </summary>
    Opener,

    /// <summary>The port from which both sides count the ports of a scan: what a fresh socket got last.</summary>
    ScanBase,
}
