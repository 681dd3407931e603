namespace Porthole.Protocol.Rendezvous;

/// <summary>Where strangers meet: the lobby, or what the server knows of one pairing code. At most one waits at a place, since the next who comes is paired with them.</summary>
/// <param name="code">The public part of the code; null for the lobby.</param>
internal sealed class MeetingPlace(string? code)
{
    /// <summary>What stands for the dialled name in the prologue of the handshake.</summary>
    public string Dialled { get; } = MeetingDialled.Of(code);

    public string? Code { get; } = code;

    public ServerConnection? Waiter { get; set; }

    public SessionId WaiterSession { get; set; }

    /// <summary>Two who have come with the code and have not shown each other yet that it is the same; the lobby has no trials.</summary>
    public Meeting? Trial { get; set; }

    /// <summary>How many trials went wrong.</summary>
    public int Failures { get; set; }

    /// <summary>Whether two have met with the code.</summary>
    public bool IsUsed { get; set; }

    /// <summary>Why nobody meets here any more; null when they do.</summary>
    public RendezvousError? Closed =>
        IsUsed ? RendezvousError.CodeUsed : Failures >= RendezvousLimits.MaxCodeFailures ? RendezvousError.CodeBurnt : null;

    /// <summary>Whether two were ever brought together here: from then on the place is remembered for a time.</summary>
    public bool WasTried { get; set; }

    /// <summary>Whether there is nothing to remember.</summary>
    public bool IsBlank => Waiter is null && !WasTried;
}

/// <summary>Two strangers that were brought together; remembered for as long as a push that was lost with its connection can be asked for again.</summary>
internal sealed class Meeting(MeetingPlace place, ServerSession session, SessionId waiterSession, HandshakeOffer offer)
{
    public MeetingPlace Place { get; } = place;

    public ServerSession Session { get; } = session;

    /// <summary>The number under which the first of the two waited.</summary>
    public SessionId WaiterSession { get; } = waiterSession;

    /// <summary>The initiator's first message, for a responder whose push was lost.</summary>
    public HandshakeOffer Offer { get; } = offer;
}
