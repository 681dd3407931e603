using System.Collections.Immutable;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Protocol.Peer;

/// <summary>All that a verdict is drawn from: what both sides know of their networks, what they want, and what the latest punch met.</summary>
internal sealed record VerdictFacts
{
    /// <summary>What this side knows of its NATs.</summary>
    public NatFacts Here { get; init; } = NatFacts.Unknown;

    /// <summary>What the other side says of its own.</summary>
    public NatFacts There { get; init; } = NatFacts.Unknown;

    /// <summary>By what this side wants direct paths.</summary>
    public Transports Wanted { get; init; } = Transports.All;

    /// <summary>Whether the other side has an address to send to by UDP.</summary>
    public bool HasUdpAddress { get; init; } = true;

    /// <summary>Whether the other side has an address to connect to by TCP.</summary>
    public bool HasTcpAddress { get; init; }

    /// <summary>What came of asking this side's gateway for a port.</summary>
    public GatewayWord Gateway { get; init; } = GatewayWord.None;

    public int ChecksSent { get; init; }

    public int ChecksReceived { get; init; }

    public int AnswersReceived { get; init; }

    public int TcpAttempts { get; init; }

    public int TcpRefusals { get; init; }

    /// <summary>What had worked before.</summary>
    public PunchMethod? Hint { get; init; }

    /// <summary>What was planned, in order.</summary>
    public ImmutableArray<PunchMethod> Planned { get; init; } = [];

    /// <summary>What was tried, in order.</summary>
    public ImmutableArray<MethodAttempt> Tried { get; init; } = [];

    /// <summary>The path that is used; null while there is none.</summary>
    public ConnectionPath? Path { get; init; }

    /// <summary>What led to it; null while it is the relay.</summary>
    public PunchMethod? Method { get; init; }

    public bool WantsUdp => Wanted.HasFlag(Transports.Udp);

    public bool WantsTcp => Wanted.HasFlag(Transports.Tcp);

    /// <summary>Whether checks may go by UDP: both sides want it.</summary>
    public bool UsesUdp => WantsUdp && !There.TcpOnly;

    /// <summary>Whether no UDP comes to this side. That it is blocked for good is known only half a minute later.</summary>
    public bool IsSilentHere => IsSilent(Here);

    /// <summary>Whether none comes to the other.</summary>
    public bool IsSilentThere => IsSilent(There) || !HasUdpAddress;

    /// <summary>How well this side's next port can be foreseen, by the transport that matters.</summary>
    public PortKind PortHere => UsesUdp ? Planner.Judge(Here) : TcpPlanner.Judge(Here.Tcp);

    /// <summary>How well the other side's can be.</summary>
    public PortKind PortThere => UsesUdp ? Planner.Judge(There) : TcpPlanner.Judge(There.Tcp);

    /// <summary>The side whose port is not known beforehand.</summary>
    public VerdictBlame HardSide => Side(PortHere != PortKind.Known, PortThere != PortKind.Known);

    /// <summary>The side whose router minds packets that nobody asked for.</summary>
    public VerdictBlame SpoiledSide => Side(Here.IsSpoiledByStrangers == true, There.IsSpoiledByStrangers == true);

    /// <summary>
    /// Whether the port that is not known beforehand need not be known: the side with the known one lets in who comes from another port than it has sent to; or,
    /// where neither is known, one lets in anybody at the port that servers saw.
    /// </summary>
    public bool IsAdmitted => HardSide switch
    {
        VerdictBlame.Here => AdmitsPorts(There),
        VerdictBlame.There => AdmitsPorts(Here),
        VerdictBlame.Both => AdmitsAnybody(Here) || AdmitsAnybody(There),
        VerdictBlame.Nobody => true,
    };

    /// <summary>The last attempt to foresee or guess a port that was made, here or, while this side waited for it, by the other.</summary>
    public MethodAttempt? Guess => Tried.LastOrDefault(attempt => IsGuess(attempt.Method) && !IsForbidden(attempt));

    /// <summary>Whether guessing was forbidden before it began.</summary>
    public bool IsHeldBack => Guess is null && Tried.Any(attempt => IsGuess(attempt.Method) && IsForbidden(attempt));

    /// <summary>The facts of a punch.</summary>
    public static VerdictFacts Of(PeerContext context, Punch punch) => new()
    {
        Here = context.Nat,
        There = punch.Plan.Nat,
        Wanted = context.Options.Transports,
        HasUdpAddress = punch.Plan.Candidates.Any(static candidate => candidate.Transport == CandidateTransport.Udp),
        HasTcpAddress = punch.Tcp?.HasRemote ?? punch.Plan.Candidates.Any(static candidate => candidate.Transport != CandidateTransport.Udp),
        ChecksSent = punch.ChecksSent,
        ChecksReceived = punch.ChecksReceived,
        AnswersReceived = punch.AnswersReceived,
        TcpAttempts = punch.Tcp is { } tcp ? tcp.Puncher.Attempts + tcp.Puncher.SprayAttempts : 0,
        TcpRefusals = punch.Tcp?.Puncher.Refusals ?? 0,
        Hint = punch.Plan.Hint,
        Planned = [.. punch.Record.Plan.Select(static planned => planned.Method)],
        Tried = punch.Tried,
    };

    public static VerdictBlame Side(bool here, bool there) => (here, there) switch
    {
        (true, true) => VerdictBlame.Both,
        (true, false) => VerdictBlame.Here,
        (false, true) => VerdictBlame.There,
        (false, false) => VerdictBlame.Nobody,
    };

    private static bool IsSilent(NatFacts nat) => nat.Mapping == NatMappingFact.Blocked || (nat.Mapping == NatMappingFact.Unknown && !nat.UdpReachable);

    private static bool AdmitsPorts(NatFacts nat) => nat.Filtering is NatFilteringFact.EndpointIndependent or NatFilteringFact.AddressDependent;

    private static bool AdmitsAnybody(NatFacts nat) => nat.Filtering == NatFilteringFact.EndpointIndependent;

    private static bool IsForbidden(MethodAttempt attempt) => attempt is { Packets: 0, Outcome: AttemptOutcome.BudgetSpent };

    /// <summary>Whether a method looks for a port that is not known, by the transport that matters.</summary>
    private bool IsGuess(PunchMethod method) => method is not (PunchMethod.Plain or PunchMethod.Silent or PunchMethod.Opener or PunchMethod.Tcp or PunchMethod.Relay)
        && method.IsTcp != UsesUdp;
}
