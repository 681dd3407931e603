using System.Collections.Concurrent;
using System.Diagnostics;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Applications on threads of their own, the machines on another, as a driver has it: nobody misses a wake-up.</summary>
public sealed class ThreadedStreamTests
{
    private const long Total = 8_000_000;

    private readonly ConcurrentQueue<(PeerSession Session, SessionStream Stream)> _posts = new();
    private readonly ConcurrentDictionary<(SessionStream, bool), SemaphoreSlim> _signals = new();
    private readonly long _start = Stopwatch.GetTimestamp();

    [Fact]
    public async Task Writers_and_readers_on_their_own_threads_move_every_byte_and_wait_only_for_events()
    {
        var token = TestContext.Current.CancellationToken;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(token);
        stop.CancelAfter(TimeSpan.FromMinutes(3));
        var lab = SessionLab.Direct(out var direct);
        var opened = new List<SessionStream>();
        lab.Bob.React = taken =>
        {
            if (taken is SessionEvent.StreamOpened { Stream: var stream }) opened.Add(stream);
        };
        var sources = new List<SessionStream>();
        for (int i = 0; i < 3; i++)
        {
            Assert.True(lab.Alice.Session.TryOpenStream(lab.Now, out var stream));
            sources.Add(stream);
            stream.TryWrite([StreamSource.Pattern(0, i)], out _);
            lab.Alice.Session.HandleStreamActivity(lab.Now, stream);
        }

        lab.RunUntil(() => opened.Count == 3);
        var machine = Task.Run(() => RunMachines(lab, direct, stop.Token), CancellationToken.None);
        var applications = new List<Task>();
        for (int i = 0; i < 3; i++)
        {
            int seed = i;
            applications.Add(Task.Run(() => WriteAll(lab.Alice.Session, sources[seed], seed, stop.Token), CancellationToken.None));
            applications.Add(Task.Run(() => ReadAll(lab.Bob.Session, opened[seed], seed, stop.Token), CancellationToken.None));
        }

        await Task.WhenAll(applications);
        await stop.CancelAsync();
        await machine;
    }

    private void WriteAll(PeerSession session, SessionStream stream, int seed, CancellationToken token)
    {
        byte[] chunk = new byte[10_000];
        for (long position = 1; position < Total;)
        {
            int count = (int)Math.Min(chunk.Length, Total - position);
            for (int i = 0; i < count; i++) chunk[i] = StreamSource.Pattern(position + i, seed);
            for (int at = 0; at < count;)
            {
                bool written = stream.TryWrite(chunk.AsSpan(at, count - at), out int taken);
                at += taken;
                Post(session, stream);
                if (!written) Signal(stream, writable: true).Wait(token);
            }

            position += count;
        }

        stream.CompleteWrites();
        Post(session, stream);
    }

    private void ReadAll(PeerSession session, SessionStream stream, int seed, CancellationToken token)
    {
        byte[] chunk = new byte[7_000];
        long position = 0;
        while (true)
        {
            bool any = stream.TryRead(chunk, out int read);
            Post(session, stream);
            for (int i = 0; i < read; i++) Assert.Equal(StreamSource.Pattern(position + i, seed), chunk[i]);
            position += read;
            if (any) continue;
            if (stream.EndOfStream) break;
            Signal(stream, writable: false).Wait(token);
        }

        Assert.Equal(Total, position);
    }

    private void RunMachines(SessionLab lab, LabPath direct, CancellationToken token)
    {
        while (!token.IsCancellationRequested)
        {
            var now = lab.Now + Stopwatch.GetElapsedTime(_start);
            while (_posts.TryDequeue(out var post)) post.Session.HandleStreamActivity(now, post.Stream);
            lab.Alice.Session.HandleDeadline(now);
            lab.Bob.Session.HandleDeadline(now);
            bool any = Carry(now, lab.Alice, lab.Bob.Session, direct.AtBob);
            any |= Carry(now, lab.Bob, lab.Alice.Session, direct.AtAlice);
            foreach (var end in new[] { lab.Alice, lab.Bob })
            {
                while (end.Session.TryTakeEvent(out var taken))
                {
                    if (taken is SessionEvent.StreamReadable readable) Signal(readable.Stream, writable: false).Release();
                    if (taken is SessionEvent.StreamWritable writable) Signal(writable.Stream, writable: true).Release();
                    Assert.IsNotType<SessionEvent.Closed>(taken);
                }
            }

            if (!any) Thread.Yield();
        }
    }

    private static bool Carry(Instant now, LabEnd from, PeerSession to, PathId path)
    {
        bool any = false;
        while (true)
        {
            var writer = new DatagramBatchWriter(from.Memory);
            if (!from.Session.TryWrite(now, ref writer)) return any;
            any = true;
            for (int i = 0; i < writer.Count; i++) to.HandlePacket(now, path, writer.Segment(i).ToArray());
        }
    }

    private void Post(PeerSession session, SessionStream stream)
    {
        if (stream.TryClaimActivity()) _posts.Enqueue((session, stream));
    }

    private SemaphoreSlim Signal(SessionStream stream, bool writable) => _signals.GetOrAdd((stream, writable), static _ => new SemaphoreSlim(0));
}
