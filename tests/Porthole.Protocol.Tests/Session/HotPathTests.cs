using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Two sessions driven in memory as fast as they go: no network between them. How fast that is, is measured in the benchmarks.</summary>
[Collection(nameof(Alone))]
public sealed class HotPathTests
{
    private readonly byte[] _memory = new byte[DatagramBatchWriter.MaxBytes];
    private readonly byte[] _chunk = new byte[65_536];
    private long _packets;
    private long _received;
    private long _looks;

    [Fact]
    public void Steady_transfer_allocates_nothing_per_packet()
    {
        var (lab, direct, source, sink) = Prepare();
        Transfer(lab, direct, source, sink, 60_000_000); // rings, queues and pools have grown to their size by then
        long packets = _packets;
        Assert.Equal(0, Allocations.Least(() => Transfer(lab, direct, source, sink, 20_000_000)));
        Assert.True(_packets - packets > 15_000, $"{_packets - packets} packets");
    }

    private static (SessionLab Lab, LabPath Direct, SessionStream Source, SessionStream Sink) Prepare()
    {
        var lab = SessionLab.Direct(out var direct);
        SessionStream? sink = null;
        lab.Bob.React += taken => sink = (taken as SessionEvent.StreamOpened)?.Stream ?? sink;
        Assert.True(lab.Alice.Session.TryOpenStream(lab.Now, out var source));
        source.TryWrite([1], out _);
        lab.Alice.Session.HandleStreamActivity(lab.Now, source);
        lab.RunUntil(() => sink is not null);
        return (lab, direct, source, sink!);
    }

    private void Transfer(SessionLab lab, LabPath direct, SessionStream source, SessionStream sink, long bytes)
    {
        var (alice, bob) = (lab.Alice.Session, lab.Bob.Session);
        long end = _received + bytes;
        while (_received < end)
        {
            var now = Now(lab);
            while (source.TryWrite(_chunk, out int _))
            {
            }

            if (source.TryClaimActivity()) alice.HandleStreamActivity(now, source);
            alice.HandleDeadline(now);
            bob.HandleDeadline(now);
            Carry(lab, alice, bob, direct.AtBob);
            while (sink.TryRead(_chunk, out int read)) _received += read;
            if (sink.TryClaimActivity()) bob.HandleStreamActivity(Now(lab), sink);
            Carry(lab, bob, alice, direct.AtAlice);
            TakeEvents(alice);
            TakeEvents(bob);
        }
    }

    private void Carry(SessionLab lab, PeerSession from, PeerSession to, PathId path)
    {
        while (true)
        {
            var now = Now(lab);
            var writer = new DatagramBatchWriter(_memory);
            if (!from.TryWrite(now, ref writer)) return;
            for (int i = 0, at = 0; i < writer.Count; i++, at += writer.SegmentSize)
            {
                _packets++;
                to.HandlePacket(now, path, _memory.AsSpan(at, Math.Min(writer.SegmentSize, writer.Length - at)));
            }
        }
    }

    /// <summary>Time passes with each look at it: a thread that is not let run for a while is no path that has fallen silent.</summary>
    private Instant Now(SessionLab lab) => lab.Now + ++_looks * TimeSpan.FromMicroseconds(5);

    private static void TakeEvents(PeerSession session)
    {
        while (session.TryTakeEvent(out var taken)) Assert.IsNotType<SessionEvent.Closed>(taken);
    }
}
