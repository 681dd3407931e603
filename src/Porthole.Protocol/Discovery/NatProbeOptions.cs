using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>When a probe asks, repeats, and gives up.</summary>
public sealed record NatProbeOptions
{
    /// <summary>The longest pause between two packets that keep a mapping: the worst NATs forget after 30 s (RFC 4787 section 4.3 asks for 120).</summary>
    public static readonly TimeSpan MaxRefresh = TimeSpan.FromSeconds(26);

    /// <summary>The shortest pause: refreshes are spread between both, so that peers do not fall into step.</summary>
    public static readonly TimeSpan MinRefresh = TimeSpan.FromSeconds(20);

    /// <summary>The shortest pause where the NAT forgets sooner than any that is known: more often would be a burden to the server.</summary>
    public static readonly TimeSpan ShortestRefresh = TimeSpan.FromSeconds(5);

    /// <summary>How long the report waits for the other answers after the first: they left together, so they come together but for jitter and loss.</summary>
    public static readonly TimeSpan SettleTime = TimeSpan.FromMilliseconds(50);

    /// <summary>The defaults.</summary>
    public static NatProbeOptions Default { get; } = new();

    /// <summary>
    /// How the first questions are repeated: at 0, 200, 600 and 1,400 ms, given up after 2.2 s. A start does not wait 39.5 s for a network that blocks
    /// UDP; it is told so then, and <see cref="Schedule"/> follows.
    /// </summary>
    public RetransmissionSchedule FirstSchedule { get; init; } = new(TimeSpan.FromMilliseconds(200), attempts: 4, lastWait: 4);

    /// <summary>
    /// How a trial is repeated, which is a finding if no answer comes: at 0, 100 and 300 ms, given up after 600. On a path that loses every twentieth packet each way
    /// one in a thousand is lost three times.
    /// </summary>
    public RetransmissionSchedule TrialSchedule { get; init; } = new(TimeSpan.FromMilliseconds(100), attempts: 3, lastWait: 3);

    /// <summary>Whether to keep local networks' addresses from the servers as well: they travel in the clear. The proof then names no host.</summary>
    public bool HideLocal { get; init; }

    /// <summary>How questions are repeated after that, and refreshes: the RFC's schedule. When it brings no answer UDP counts as blocked.</summary>
    public RetransmissionSchedule Schedule { get; init; } = RetransmissionSchedule.Default;

    /// <summary>A local address as servers may see it: the base that a proof is bound to.</summary>
    public TransportAddress Shown(TransportAddress local)
    {
        if (!HideLocal || !(local.IsPrivate || local.IsLinkLocal || local.IsLoopback)) return local;
        Span<byte> nobody = stackalloc byte[16];
        nobody.Clear();
        return new TransportAddress(local.IsIPv6 ? nobody : nobody[..4], 0);
    }
}
