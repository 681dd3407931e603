namespace Porthole.Protocol.Punching;

/// <summary>
/// What a machine may spend on guessing ports: never a flood. One spray at a time, by UDP or TCP; every packet counts, the SYNs too that the kernel repeats by
/// itself. One budget is shared by all punches of a machine.
/// </summary>
public sealed class SprayBudget
{
    /// <summary>The most sockets that are held at once.</summary>
    public const int MaxSockets = 256;

    /// <summary>The most packets of one spray, with the repeated SYNs.</summary>
    public const int MaxProbes = 2_000;

    /// <summary>The most packets within any second: those of the spray, with the repeated SYNs, and the ordinary checks of the machine.</summary>
    public const int MaxPacketsPerSecond = 200;

    /// <summary>
    /// How long a machine refrains from a peer, by the same transport, after a spray that led to no connection; twice as long after each further one, up to
    /// <see cref="LongestPause"/>. From the peer's public address too, whoever else is there; but no longer.
    /// </summary>
    public static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(1);

    /// <summary>The longest such pause: long-lived pairs try again now and then, since a NAT's band moves.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);

    /// <summary>The most failures that are remembered; the oldest are forgotten first.</summary>
    internal const int MaxFailures = 256;

    /// <summary>The packets of a second that may wait for the next. Answers to the other side's checks may not: the rest leaves room for some of them.</summary>
    internal const int MaxGuessesPerSecond = MaxPacketsPerSecond - 8;

    private static readonly TimeSpan s_slot = TimeSpan.FromMilliseconds(100);

    /// <summary>Any second touches eleven slots at most.</summary>
    private const int PerSlot = MaxPacketsPerSecond / 11;

    /// <summary>The ring of slots: further than the last repeat of a SYN that is sent now.</summary>
    private const int Slots = 128;

    /// <summary>When the kernel repeats a SYN that nobody answers: after 1 s, then twice as long each time (RFC 6298 sections 2, 5.5).</summary>
    private static readonly TimeSpan[] s_repeats = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(7)];

    private readonly int[] _planned = new int[Slots];
    private long _slot;
    private readonly PacketWindow _window = new(MaxGuessesPerSecond);
    private readonly List<SprayFailure> _failures = [];
    private SprayAim _aim;
    private bool _isForgiven;

    /// <summary>Whether a spray is under way.</summary>
    public bool IsTaken { get; private set; }

    /// <summary>Packets that the present or last spray has sent, or will have sent when the sockets it holds have lasted.</summary>
    public int Probes { get; private set; }

    /// <summary>Sockets that are held now.</summary>
    public int Sockets { get; private set; }

    /// <summary>Takes the machine's one spray.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="aim">Whom it is for.</param>
    /// <returns>False when another is under way, or one has failed not long ago.</returns>
    internal bool TryBegin(Instant now, SprayAim aim)
    {
        if (IsTaken || IsBarred(now, aim)) return false;
        (IsTaken, Probes, _aim, _isForgiven) = (true, 0, aim, false);
        return true;
    }

    /// <summary>Whether a spray to the same peer or address has failed not long ago.</summary>
    internal bool IsBarred(Instant now, SprayAim aim)
    {
        foreach (var failure in _failures)
        {
            if (failure.Bars(now, aim)) return true;
        }

        return false;
    }

    /// <summary>The spray is over.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="hadConnection">Whether a connection came of it.</param>
    internal void End(Instant now, bool hadConnection)
    {
        if (!IsTaken) return;
        IsTaken = false;
        int known = _failures.FindIndex(failure => failure.IsOf(_aim));
        var pause = known < 0 ? FirstPause : _failures[known].Pause * 2;
        if (known >= 0) _failures.RemoveAt(known);
        if (hadConnection || _isForgiven) return;
        if (_failures.Count == MaxFailures) _failures.RemoveAt(0);
        _failures.Add(new SprayFailure(_aim, now, pause > LongestPause ? LongestPause : pause));
    }

    /// <summary>The network changed: what failed before may work now, and what is under way ends for that.</summary>
    internal void ForgetFailures()
    {
        _failures.Clear();
        _isForgiven = true;
    }

    /// <summary>When the second has room for one more packet.</summary>
    internal Instant NextAt => _window.NextAt;

    /// <summary>Whether the second has room for one more packet.</summary>
    internal bool HasRoom(Instant now) => _window.HasRoom(now);

    /// <summary>Counts a packet that is no guess: a check, a question, an answer.</summary>
    internal void Count(Instant now) => _window.Take(now);

    /// <summary>Takes room for one UDP packet that is a guess.</summary>
    /// <returns>False when the probes or the second are full.</returns>
    internal bool TryProbe(Instant now)
    {
        if (Probes >= MaxProbes || !_window.HasRoom(now)) return false;
        Probes++;
        _window.Take(now);
        return true;
    }

    /// <summary>Takes room for one UDP socket.</summary>
    /// <returns>False when the sockets are full.</returns>
    internal bool TryHold()
    {
        if (Sockets >= MaxSockets) return false;
        Sockets++;
        return true;
    }

    /// <summary>A UDP socket was closed.</summary>
    internal void HandleReleased() => Sockets = Math.Max(0, Sockets - 1);

    /// <summary>Takes room for one socket whose SYN goes out now.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="hold">How long it is held at most: the repeats in that time count.</param>
    /// <returns>False when the sockets, the probes or the second are full.</returns>
    internal bool TryOpen(Instant now, TimeSpan hold)
    {
        Advance(now);
        if (Sockets == MaxSockets || Probes + 1 + RepeatsWithin(hold) > MaxProbes || !HasSlot(now) || !_window.HasRoom(now)) return false;
        foreach (var repeat in s_repeats)
        {
            if (repeat < hold && !HasSlot(now + repeat)) return false;
        }

        _window.Take(now);
        Plan(now, 1);
        foreach (var repeat in s_repeats)
        {
            if (repeat < hold) Plan(now + repeat, 1);
        }

        Sockets++;
        return true;
    }

    /// <summary>Gives back what a socket will not need: its repeats are not sent any more.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="openedAt">When its SYN went out.</param>
    /// <param name="hold">What was said on opening.</param>
    internal void HandleClosed(Instant now, Instant openedAt, TimeSpan hold)
    {
        Advance(now);
        Sockets--;
        foreach (var repeat in s_repeats)
        {
            if (repeat < hold && openedAt + repeat > now) Plan(openedAt + repeat, -1);
        }
    }

    /// <summary>When there may be room again, as far as the second goes.</summary>
    internal static Instant NextSlot(Instant now) => new((now.Ticks / s_slot.Ticks + 1) * s_slot.Ticks);

    private static int RepeatsWithin(TimeSpan hold)
    {
        int count = 0;
        foreach (var repeat in s_repeats)
        {
            if (repeat < hold) count++;
        }

        return count;
    }

    private static long SlotOf(Instant at) => at.Ticks / s_slot.Ticks;

    private bool HasSlot(Instant at) => _planned[SlotOf(at) % Slots] < PerSlot;

    private void Plan(Instant at, int count)
    {
        _planned[SlotOf(at) % Slots] += count;
        Probes += count;
    }

    private void Advance(Instant now)
    {
        long slot = SlotOf(now);
        for (long past = Math.Max(_slot, slot - Slots); past < slot; past++) _planned[past % Slots] = 0;
        _slot = slot;
    }
}
