using System.Diagnostics;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Session;
using Porthole.Runtime;

namespace Porthole.Benchmarks.Protocol;

/// <summary>Two sessions on one thread with nothing between them: each batch that one writes is handed to the other where it lies.</summary>
internal sealed class SessionPair
{
    private static readonly SocketId s_socket = new(1);

    private readonly byte[] _memory = new byte[DatagramBatchWriter.MaxBytes];
    private readonly byte[] _chunk = new byte[64 * 1024];
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly End _near;
    private readonly End _far;
    private readonly SessionStream _from;
    private SessionStream? _to;

    public SessionPair()
    {
        var entropy = OperatingSystemEntropy.Instance;
        using var alice = IdentityKey.Generate(entropy);
        using var bob = IdentityKey.Generate(entropy);
        var session = SessionId.Create(entropy);
        var call = SessionHandshake.Initiate(session, alice, PeerPin.To(bob.PublicKey), "bob", [], entropy);
        SessionHandshake.TryRespond(session, bob, alice.PeerId, "bob", [], call.Outgoing.Span, entropy, out var answer);
        _near = new End(PeerSession.Initiate(Now, SessionOptions.Default, entropy, call), Now);
        _far = new End(PeerSession.Respond(Now, SessionOptions.Default, entropy, answer!), Now);
        if (!_near.Session.TryOpenStream(Now, out _from!)) throw new InvalidOperationException("No stream can be opened.");
        _from.TryWrite([1], out _);
        _near.Session.HandleStreamActivity(Now, _from);
        while (_to is null || _to.Readable == 0) Step();
        _to.TryRead(_chunk, out _);
    }

    /// <summary>Packets that went either way.</summary>
    public long Packets { get; private set; }

    private Instant Now => Instant.FromMilliseconds(1) + Stopwatch.GetElapsedTime(_start);

    /// <summary>Moves bytes from one end to the other.</summary>
    public void Transfer(long bytes)
    {
        while (bytes > 0)
        {
            while (_from.TryWrite(_chunk, out _))
            {
            }

            if (_from.TryClaimActivity()) _near.Session.HandleStreamActivity(Now, _from);
            Step();
            while (_to!.TryRead(_chunk, out int read)) bytes -= read;
            if (_to.TryClaimActivity()) _far.Session.HandleStreamActivity(Now, _to);
        }
    }

    private void Step()
    {
        _near.Session.HandleDeadline(Now);
        _far.Session.HandleDeadline(Now);
        Carry(_near, _far);
        Carry(_far, _near);
    }

    private void Carry(End from, End to)
    {
        while (true)
        {
            var now = Now;
            var writer = new DatagramBatchWriter(_memory);
            if (!from.Session.TryWrite(now, ref writer)) break;
            for (int i = 0, at = 0; i < writer.Count; i++, at += writer.SegmentSize)
            {
                Packets++;
                to.Session.HandlePacket(now, to.Path, _memory.AsSpan(at, Math.Min(writer.SegmentSize, writer.Length - at)));
            }
        }

        while (from.Session.TryTakeEvent(out var taken)) Take(taken);
        while (to.Session.TryTakeEvent(out var taken)) Take(taken);
    }

    private void Take(SessionEvent taken)
    {
        if (taken is SessionEvent.StreamOpened opened) _to = opened.Stream;
        if (taken is SessionEvent.Closed closed) throw new InvalidOperationException($"The session ended: {closed}.");
    }

    private sealed class End
    {
        public End(PeerSession session, Instant now)
        {
            Session = session;
            Path = session.AddPath(now, s_socket, TransportAddress.Parse("192.0.2.1:1"), PathTraits.Udp, default, trusted: true);
            session.SetActive(now, Path);
        }

        public PeerSession Session { get; }

        public PathId Path { get; }
    }
}
