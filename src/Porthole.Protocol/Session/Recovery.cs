namespace Porthole.Protocol.Session;

/// <summary>
/// Loss detection (RFC 9002 section 6) over several paths: one space of packet numbers, acknowledged on whatever path; thresholds, timers and windows per path.
/// </summary>
/// <param name="received">What the peer need not be told again is dropped there.</param>
/// <param name="streams">Who learns what became of frames.</param>
internal sealed class Recovery(ReceivedPackets received, StreamTable streams)
{
    /// <summary>RFC 9002 section 6.1.1, kPacketThreshold.</summary>
    private const int PacketThreshold = 3;

    /// <summary>RFC 9002 section 7.6.1, kPersistentCongestionThreshold.</summary>
    private const int PersistentCongestionThreshold = 3;

    /// <summary>RFC 9002 section 6.2.4: up to two packets per probe time-out.</summary>
    private const int ProbesPerTimeout = 2;

    /// <summary>After a move the old path's packets have this many probe time-outs.</summary>
    private const int DrainTimeouts = 3;

    /// <summary>Back-off ends here, so that a path that heals is noticed soon; one packet in two seconds burdens nobody.</summary>
    public static readonly TimeSpan MaxProbeTimeout = TimeSpan.FromSeconds(2);

    /// <summary>The packets whose fate is open.</summary>
    public SentPackets Sent { get; } = new();

    /// <summary>Packets declared lost.</summary>
    public long PacketsLost { get; private set; }

    /// <summary>Takes note of a packet that was sent.</summary>
    public void HandleSent(Instant now, SessionPath path, long number, int size, bool eliciting, long acknowledges)
    {
        if (Sent.IsFull) GiveUpOldest();
        Sent.Add(number, new SentPacket
        {
            Path = path,
            SentAt = now,
            PathSequence = path.NextSequence++,
            Acknowledges = acknowledges,
            Size = size,
            State = eliciting ? SentState.InFlight : SentState.Untracked,
        });
        path.BytesSent += size;
        if (!eliciting) return;
        path.BytesInFlight += size;
        path.PacketsInFlight++;
        path.LastElicitingSentAt = now;
        path.SilentSince ??= now;
    }

    /// <summary>Takes an ACK frame.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="frame">The frame; its largest number was sent.</param>
    /// <param name="arrivedOn">The path it came on.</param>
    /// <param name="paths">All paths.</param>
    public void HandleAck(Instant now, ref AckFrame frame, SessionPath arrivedOn, List<SessionPath> paths)
    {
        TimeSpan? sample = null;
        while (frame.TryTakeRange(out long smallest, out long largest))
        {
            if (largest < Sent.First) break;
            for (long number = Math.Min(largest, Sent.Next - 1); number >= Math.Max(smallest, Sent.First); number--)
            {
                ref var packet = ref Sent[number];
                if (packet.State is SentState.Untracked or SentState.Acknowledged) continue;
                // A sample says something about one path only if both ways went over it, and only the largest number's delay is known.
                if (number == frame.Largest && packet.Path == arrivedOn && packet.State == SentState.InFlight) sample = now - packet.SentAt;
                HandleAcknowledged(ref packet, number);
            }
        }

        if (sample is { } roundTrip) arrivedOn.RoundTrip.Add(roundTrip, frame.Delay);
        foreach (var path in paths)
        {
            if (path.NewlyAcknowledgedBytes > 0) FinishAck(now, path, path == arrivedOn ? sample : null);
        }

        Sent.Trim();
    }

    /// <summary>Declares lost what stayed behind on a path (RFC 9002 section 6.1).</summary>
    public void DetectLost(Instant now, SessionPath path)
    {
        path.LossTime = null;
        var delay = path.RoundTrip.LossDelay;
        Instant? runStart = null;
        var longestRun = TimeSpan.Zero;
        var newestLost = new Instant(-1);
        for (long number = Sent.First; number < Math.Min(path.LargestAcknowledged, Sent.Next); number++)
        {
            ref var packet = ref Sent[number];
            if (packet.Path != path) continue;
            if (packet.State == SentState.Acknowledged) runStart = null;
            if (packet.State != SentState.InFlight) continue;

            bool behind = !path.Traits.Reliable && packet.PathSequence <= path.LargestAcknowledgedSequence - PacketThreshold;
            if (!behind && packet.SentAt + delay > now)
            {
                path.LossTime = Instant.Earlier(path.LossTime, packet.SentAt + delay);
                continue;
            }

            runStart ??= packet.SentAt;
            if (packet.SentAt - runStart.Value > longestRun) longestRun = packet.SentAt - runStart.Value;
            newestLost = Instant.Max(newestLost, packet.SentAt);
            Lose(ref packet);
        }

        if (newestLost.Ticks >= 0)
        {
            path.Congestion.HandleLoss(now, newestLost);
            if (path.RoundTrip.HasSample && longestRun > PersistentCongestionThreshold * path.RoundTrip.ProbeTimeout)
            {
                path.Congestion.HandlePersistentCongestion();
            }
        }

        Sent.Trim();
    }

    /// <summary>
    /// When the loss timer or the probe timer of a path that is in use fires (RFC 9002 section 6.2.1). A probe that is due already, and waits for a congested socket,
    /// needs no timer.
    /// </summary>
    public static Instant? NextDeadline(SessionPath path) => path switch
    {
        { LossTime: { } at } => at,
        { PacketsInFlight: > 0, ProbesDue: 0 } => path.LastElicitingSentAt + path.BackedOffProbeTimeout,
        _ => null,
    };

    /// <summary>Takes the passing of time on a path that is in use.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="path">The path.</param>
    /// <param name="probeOnly">Whether probes carry no data, for the data goes another way already.</param>
    public void HandleDeadline(Instant now, SessionPath path, bool probeOnly)
    {
        if (NextDeadline(path) is not { } at || at > now) return;
        if (path.LossTime is not null)
        {
            DetectLost(now, path);
            return;
        }

        path.ProbeCount++;
        if (path.Traits.Reliable || probeOnly)
        {
            (path.ProbesDue, path.PingDue) = (1, true); // a reliable path loses nothing on the way: copies would only fill its queue
            return;
        }

        path.ProbesDue = ProbesPerTimeout;
        path.PingDue = true;
        Requeue(path, ProbesPerTimeout);
    }

    /// <summary>Queues copies of the oldest packets in flight on a path, without declaring them lost.</summary>
    public void Requeue(SessionPath path, int count = int.MaxValue)
    {
        for (long number = Sent.First; number < Sent.Next && count > 0; number++)
        {
            ref var packet = ref Sent[number];
            if (packet.Path != path || packet.State != SentState.InFlight) continue;
            count--;
            if (packet.Requeued) continue;
            packet.Requeued = true;
            for (int i = 0; i < packet.FrameCount; i++) streams.HandleLost(Sent.Frame(packet.FirstFrame + i));
        }
    }

    /// <summary>The path is no longer used: what was sent on it has three probe time-outs.</summary>
    public static void BeginDrain(Instant now, SessionPath path)
    {
        path.ProbesDue = 0;
        path.PingDue = false;
        path.SilentSince = null;
        path.DrainAt = path.PacketsInFlight > 0 || path.IsRemoved ? now + DrainTimeouts * path.RoundTrip.ProbeTimeout : null;
    }

    /// <summary>The time of an unused path is over: the rest counts as lost, which says nothing about any window.</summary>
    public void FinishDrain(SessionPath path)
    {
        path.DrainAt = null;
        for (long number = Sent.First; number < Sent.Next; number++)
        {
            ref var packet = ref Sent[number];
            if (packet.Path == path && packet.State == SentState.InFlight) Lose(ref packet);
        }

        path.LossTime = null;
        Sent.Trim();
    }

    private void HandleAcknowledged(ref SentPacket packet, long number)
    {
        var path = packet.Path!;
        for (int i = 0; i < packet.FrameCount; i++) streams.HandleAcknowledged(Sent.Frame(packet.FirstFrame + i));
        if (packet.Acknowledges >= 0) received.HandleAcknowledged(packet.Acknowledges);
        bool inFlight = packet.State == SentState.InFlight;
        packet.State = SentState.Acknowledged;
        if (!inFlight) return; // declared lost too early: its frames count, its bytes left the flight then

        Leave(path, packet.Size);
        path.NewlyAcknowledgedBytes += packet.Size;
        path.NewestAcknowledgedSentAt = Instant.Max(path.NewestAcknowledgedSentAt, packet.SentAt);
        path.LargestAcknowledgedSequence = Math.Max(path.LargestAcknowledgedSequence, packet.PathSequence);
        path.LargestAcknowledged = Math.Max(path.LargestAcknowledged, number);
    }

    private void FinishAck(Instant now, SessionPath path, TimeSpan? sample)
    {
        long before = path.BytesInFlight + path.NewlyAcknowledgedBytes;
        long window = path.Congestion.Window;
        // The window was what held the sender back if the flight had come near it; in slow start half is near, for it doubles (RFC 9002 section 7.8).
        bool used = before + PacketThreshold * path.MaxPacket >= window || path.Congestion.InSlowStart && 2 * before > window;
        path.ProbeCount = 0;
        DetectLost(now, path);
        path.Congestion.HandleAck(
            now, path.NewlyAcknowledgedBytes, path.NewestAcknowledgedSentAt, path.LargestAcknowledged, Sent.Next, sample, path.RoundTrip.Smoothed, used);
        path.NewlyAcknowledgedBytes = 0;
        path.NewestAcknowledgedSentAt = default;
    }

    private void Lose(ref SentPacket packet)
    {
        var path = packet.Path!;
        packet.State = SentState.Lost;
        Leave(path, packet.Size);
        path.PacketsLost++;
        PacketsLost++;
        if (packet.Requeued) return;
        packet.Requeued = true;
        for (int i = 0; i < packet.FrameCount; i++) streams.HandleLost(Sent.Frame(packet.FirstFrame + i));
    }

    private static void Leave(SessionPath path, int size)
    {
        path.BytesInFlight -= size;
        path.PacketsInFlight--;

        // An acknowledgement over another path settles what was owed, but clears nothing once this path is suspect: it still has to show a packet.
        if (path.PacketsInFlight == 0 && path.Health == PathHealth.Good) path.SilentSince = null;
    }

    // A peer that acknowledges nothing must not make the record grow.
    private void GiveUpOldest()
    {
        Lose(ref Sent[Sent.First]);
        Sent.Trim();
    }
}
