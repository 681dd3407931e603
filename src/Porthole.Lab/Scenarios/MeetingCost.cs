namespace Porthole.Lab.Scenarios;

/// <summary>What one side spent from the call until the path was direct, or patience ended, and as long afterwards as was asked for. Counted in the network, whatever the peer says of itself.</summary>
/// <param name="Packets">Datagrams and TCP segments sent, to whomever.</param>
/// <param name="Sockets">UDP sockets bound.</param>
public sealed record MeetingCost(long Packets, long Sockets)
{
    /// <summary>Datagrams that were sent to public addresses of the other side's NAT, checks and sealed packets alike. This and the next only where packets are followed.</summary>
    public int Datagrams { get; init; }

    /// <summary>The most of them within one second.</summary>
    public int MostInASecond { get; init; }

    /// <summary>The length of the longest STUN message among them, in bytes.</summary>
    public int LongestCheck { get; init; }
}
