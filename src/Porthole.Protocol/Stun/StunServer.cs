using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Stun;

/// <summary>A STUN server over UDP (RFC 8489 section 6.3): answers Binding requests on several sockets, each from the socket that was asked.</summary>
/// <remarks>Its memory is fixed: a ring of answers that wait to be written, and the tables of the limits.</remarks>
public sealed class StunServer : ISocketUser
{
    /// <summary>How many answers may wait to be written: some batches of a driver. What comes on top is dropped, as the network would.</summary>
    public const int MaxPending = 256;

    private readonly StunResponder _responder;
    private readonly List<Listener> _listeners = [];
    private readonly Queue<SocketRequest> _requests = [];
    private readonly Queue<StunServerEvent> _events = [];
    private readonly byte[] _answers = new byte[MaxPending * StunResponder.MaxAnswer];
    private readonly Pending[] _pending = new Pending[MaxPending];
    private int _first;
    private int _count;

    /// <summary>Creates a server that asks for its sockets.</summary>
    /// <param name="options">Where it listens, and its limits.</param>
    /// <param name="key">The key that credentials and proofs are made with.</param>
    /// <param name="clock">What the wall clock says.</param>
    /// <param name="entropy">For the keys of the limits' tables.</param>
    public StunServer(StunServerOptions options, StunServerKey key, WallClock clock, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(options);
        _responder = new StunResponder(options, key, clock, entropy);
        foreach (var local in options.Listen)
        {
            var socket = new SocketId(_listeners.Count + 1);
            _listeners.Add(new Listener(socket, local));
            _requests.Enqueue(new SocketRequest.UdpBind(socket, local));
        }
    }

    /// <inheritdoc/>
    /// <remarks>Never: the server only answers.</remarks>
    public Instant? NextDeadline => null;

    /// <summary>How many requests were answered.</summary>
    public long Answered { get; private set; }

    /// <summary>How many datagrams were dropped: no request, over a limit, or too many at once.</summary>
    public long Dropped { get; private set; }

    /// <summary>Takes a new reading of the wall clock.</summary>
    public void SetWallClock(WallClock clock) => _responder.SetWallClock(clock);

    /// <inheritdoc/>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when Find(opened.Socket) is { } listener:
                listener.Local = opened.Local;
                _events.Enqueue(new StunServerEvent.Listening(opened.Local));
                break;
            case SocketEvent.Failed failed when Find(failed.Socket) is { } listener:
                listener.Local = default;
                _events.Enqueue(new StunServerEvent.NotListening(listener.Wanted, failed.Reason, failed.Detail));
                break;
            default:
                return;
        }

        foreach (var listener in _listeners) listener.Other = OtherThan(listener.Local);
    }

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams)
        {
            var listener = Find(datagram.Socket);
            int slot = (_first + _count) % MaxPending;
            int length = listener is null || _count == MaxPending ? 0 : _responder.Respond(
                now, datagram.Remote, listener.Local, listener.Other, batch.Bytes(datagram), AnswerAt(slot));
            if (length == 0)
            {
                Dropped++;
                continue;
            }

            _pending[slot] = new Pending(datagram.Socket, datagram.Remote, length);
            _count++;
            Answered++;
        }
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now)
    {
    }

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (_count == 0) return false;
        var pending = _pending[_first];
        writer.Begin(pending.Socket, pending.Remote);
        if (!writer.TryReserve(pending.Length, out var segment)) return false;
        AnswerAt(_first)[..pending.Length].CopyTo(segment);
        writer.Commit(pending.Length);
        _first = (_first + 1) % MaxPending;
        _count--;
        return true;
    }

    /// <inheritdoc/>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    /// <summary>Takes the next event; drain to false after every socket event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out StunServerEvent? serverEvent) => _events.TryDequeue(out serverEvent);

    private Span<byte> AnswerAt(int slot) => _answers.AsSpan(slot * StunResponder.MaxAnswer, StunResponder.MaxAnswer);

    private Listener? Find(SocketId socket)
    {
        foreach (var listener in _listeners)
        {
            if (listener.Socket == socket) return listener;
        }

        return null;
    }

    /// <summary>The address that says most beside the one asked: another host if there is one, else another port (RFC 5780 section 7.4).</summary>
    private TransportAddress OtherThan(TransportAddress local)
    {
        TransportAddress other = default;
        foreach (var listener in _listeners)
        {
            if (listener.Local == default || listener.Local == local || listener.Local.IsIPv6 != local.IsIPv6) continue;
            if (!listener.Local.SameHost(local) && listener.Local.Port != local.Port) return listener.Local;
            if (other == default || other.SameHost(local)) other = listener.Local;
        }

        return other;
    }

    private sealed class Listener(SocketId socket, TransportAddress wanted)
    {
        public SocketId Socket { get; } = socket;
        public TransportAddress Wanted { get; } = wanted;
        public TransportAddress Local { get; set; }
        public TransportAddress Other { get; set; }
    }

    private readonly record struct Pending(SocketId Socket, TransportAddress Remote, int Length);
}
