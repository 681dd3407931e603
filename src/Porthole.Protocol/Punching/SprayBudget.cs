namespace Porthole.Protocol.Punching;

/// <summary>
/// What a machine may spend on guessing ports: never a flood. One spray at a time; every SYN counts, those too that the kernel repeats by itself.
/// One budget is shared by all punches of a machine.
/// </summary>
public sealed class SprayBudget
{
    /// <summary>The most sockets that are held at once.</summary>
    public const int MaxSockets = 256;

    /// <summary>The most SYNs of one spray, with the repeated ones.</summary>
    public const int MaxProbes = 2_000;

    /// <summary>The most SYNs within any second, with the repeated ones.</summary>
    public const int MaxPacketsPerSecond = 200;

    /// <summary>How long a machine refrains after a spray that led to no connection; twice as long after each further one, up to <see cref="LongestPause"/>.</summary>
    public static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(30);

    /// <summary>The longest such pause: long-lived pairs try again a few times an hour, since a NAT's band moves.</summary>
    public static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(15);

    private static readonly TimeSpan s_slot = TimeSpan.FromMilliseconds(100);

    /// <summary>Any second touches eleven slots at most.</summary>
    private const int PerSlot = MaxPacketsPerSecond / 11;

    /// <summary>The ring of slots: further than the last repeat of a SYN that is sent now.</summary>
    private const int Slots = 128;

    /// <summary>When the kernel repeats a SYN that nobody answers: after 1 s, then twice as long each time (RFC 6298 sections 2, 5.5).</summary>
    private static readonly TimeSpan[] s_repeats = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(7)];

    private readonly int[] _planned = new int[Slots];
    private long _slot;
    private TimeSpan _pause = FirstPause;
    private Instant _notBefore;

    /// <summary>Whether a spray is under way.</summary>
    public bool IsTaken { get; private set; }

    /// <summary>SYNs that the present or last spray has sent, or will have sent when the sockets it holds have lasted.</summary>
    public int Probes { get; private set; }

    /// <summary>Sockets that are held now.</summary>
    public int Sockets { get; private set; }

    /// <summary>Takes the machine's one spray.</summary>
    /// <returns>False when another is under way, or one has failed not long ago.</returns>
    public bool TryBegin(Instant now)
    {
        if (IsTaken || now < _notBefore) return false;
        (IsTaken, Probes, Sockets) = (true, 0, 0);
        return true;
    }

    /// <summary>The spray is over.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="hadConnection">Whether a connection came of it.</param>
    public void End(Instant now, bool hadConnection)
    {
        if (!IsTaken) return;
        IsTaken = false;
        if (hadConnection)
        {
            _pause = FirstPause;
            return;
        }

        _notBefore = now + _pause;
        _pause = _pause * 2 > LongestPause ? LongestPause : _pause * 2;
    }

    /// <summary>Takes room for one socket whose SYN goes out now.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="hold">How long it is held at most: the repeats in that time count.</param>
    /// <returns>False when the sockets, the probes or the second are full.</returns>
    internal bool TryOpen(Instant now, TimeSpan hold)
    {
        Advance(now);
        if (Sockets == MaxSockets || Probes + 1 + RepeatsWithin(hold) > MaxProbes || !HasRoom(now)) return false;
        foreach (var repeat in s_repeats)
        {
            if (repeat < hold && !HasRoom(now + repeat)) return false;
        }

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

    private bool HasRoom(Instant at) => _planned[SlotOf(at) % Slots] < PerSlot;

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
