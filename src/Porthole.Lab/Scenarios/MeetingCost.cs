namespace Porthole.Lab.Scenarios;

/// <summary>What one side spent from the call until the path was direct, or patience ended, and as long afterwards as was asked for. Counted in the network, whatever the peer says of itself.</summary>
/// <param name="Packets">Datagrams and TCP segments sent, to whomever.</param>
public sealed record MeetingCost(long Packets)
{
    /// <summary>STUN messages that were sent to public addresses of the other side's NAT: checks, guesses, answers, consent. This and the others only where packets are followed.</summary>
    public int Checks { get; init; }

    /// <summary>The most of them within one second.</summary>
    public int MostInASecond { get; init; }

    /// <summary>The length of the longest of them, in bytes.</summary>
    public int LongestCheck { get; init; }

    /// <summary>The UDP sockets, beside the one that is always there, that they were sent from.</summary>
    public int Sockets { get; init; }
}
