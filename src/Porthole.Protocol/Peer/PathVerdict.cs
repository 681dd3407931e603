using System.Collections.Immutable;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>Why the path is what it is, for a person and as data.</summary>
/// <param name="Reason">The reason in one word.</param>
/// <param name="Sentence">The reason in one sentence.</param>
/// <param name="ChecksSent">Connectivity checks sent in the latest punch.</param>
/// <param name="ChecksReceived">Authentic checks that came from the peer in the latest punch.</param>
/// <param name="AnswersReceived">Answers to our checks in the latest punch.</param>
public sealed record PathVerdict(VerdictReason Reason, string Sentence, int ChecksSent, int ChecksReceived, int AnswersReceived)
{
    /// <summary>TCP connections that were tried in the latest punch.</summary>
    public int TcpAttempts { get; init; }

    /// <summary>Those of them that were refused.</summary>
    public int TcpRefusals { get; init; }

    /// <summary>Whose network it is that there is no direct path.</summary>
    public VerdictBlame Blame { get; init; }

    /// <summary>What led to the direct path; <see cref="PunchMethod.Relay"/> while there is none.</summary>
    public PunchMethod Method { get; init; } = PunchMethod.Relay;

    /// <summary>What the user, or whoever runs the network, could change to get a direct path, in one sentence; empty when nothing is to be changed.</summary>
    public string Advice { get; init; } = "";

    /// <summary>What the gateway of this side said when it was asked for a port (PCP, NAT-PMP, UPnP), in one sentence; empty where none was asked.</summary>
    public string Gateway { get; init; } = "";

    /// <summary>What this side knew of its NATs.</summary>
    public NatFacts Here { get; init; } = NatFacts.Unknown;

    /// <summary>What the other side said of its own.</summary>
    public NatFacts There { get; init; } = NatFacts.Unknown;

    /// <summary>What had led to a direct path between the two networks before, as the server remembers; null when it knows of nothing.</summary>
    public PunchMethod? Hint { get; init; }

    /// <summary>By what the latest punch was to be tried, in order of preference; empty where there was none.</summary>
    public ImmutableArray<PunchMethod> Planned { get; init; } = [];

    /// <summary>What was tried in the latest punch, in order, with its cost and what came of it.</summary>
    public ImmutableArray<MethodAttempt> Tried { get; init; } = [];

    /// <summary>Nothing has been tried yet.</summary>
    public static PathVerdict Pending { get; } = new(VerdictReason.Pending, "No direct path has been tried yet.", 0, 0, 0);
}
