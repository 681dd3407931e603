using System.Collections.Concurrent;
using Porthole.Diagnostics;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Session;
using Porthole.Runtime;

namespace Porthole;

/// <summary>What the machine tells: called on its thread.</summary>
public sealed partial class PeerConnection
{
    private readonly ConcurrentDictionary<long, PeerStream> _streams = new();
    private TaskCompletionSource _streamsAvailable = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TaskCompletionSource _pathChanged = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The program hears of it from now on.</summary>
    internal void HandleOpened(PeerEvent.Opened opened) =>
        (RemoteKey, RemoteName, RemoteInstance, IsIncoming, IsAuthenticated) = (opened.Key, opened.Name, opened.Instance, opened.IsIncoming, opened.IsAuthenticated);

    internal void HandleConfirmed() => _confirmed.TrySetResult();

    internal void HandleVerdict(PathVerdict verdict)
    {
        Verdict = verdict;
        if (VerdictChanged is { } handler) _node.Raise(() => handler(this, verdict));
    }

    internal void HandlePath(ConnectionPath path)
    {
        Path = path;
        Renew(ref _pathChanged).TrySetResult();
        if (PathChanged is { } handler) _node.Raise(() => handler(this, path));
    }

    internal void HandleSession(SessionEvent happened)
    {
        switch (happened)
        {
            case SessionEvent.StreamReadable readable:
                Find(readable.Stream)?.HandleReadable();
                break;
            case SessionEvent.StreamWritable writable:
                Find(writable.Stream)?.HandleWritable();
                break;
            case SessionEvent.StreamOpened opened:
                var stream = Register(opened.Stream);
                if (!_incoming.Writer.TryWrite(stream)) stream.Abort(0);
                break;
            case SessionEvent.StreamClosed closed:
                if (_streams.TryRemove(closed.Stream.Id, out var over)) over.HandleOver();
                break;
            case SessionEvent.StreamsAvailable:
                Renew(ref _streamsAvailable).TrySetResult();
                break;
            case SessionEvent.DatagramReceived datagram:
                _datagrams.Writer.TryWrite(datagram);
                break;
        }
    }

    /// <summary>The connection is over; the first end counts. Any thread may call it.</summary>
    internal void HandleClosed(ConnectionEnd end)
    {
        if (!_closed.TrySetResult(end)) return;
        _confirmed.TrySetCanceled();
        _incoming.Writer.TryComplete();
        _datagrams.Writer.TryComplete();
        _streamsAvailable.TrySetResult();
        _pathChanged.TrySetResult();
        foreach (var stream in _streams.Values) stream.HandleOver();
    }

    void IStreamOwner.PostActivity(PeerStream stream) => _node.Post(
        static (machine, now, state) =>
        {
            var used = (PeerStream)state!;
            machine.HandleStreamActivity(now, ((PeerConnection)used.Owner).Handle, used.Inner);
        },
        stream);

    /// <summary>Hands the machine what waits. It takes as many as its queue has room for, and sends as many as the path allows before the rest is tried; what does not get a place then is lost.</summary>
    private static void SendDatagrams(PeerMachine machine, Instant now, object? state)
    {
        var connection = (PeerConnection)state!;
        int taken = 0;
        while (connection._outbox.TryPeek(out var datagram))
        {
            if (!machine.TrySendDatagram(now, connection.Handle, datagram))
            {
                if (taken > 0) connection._node.Post(s_sendDatagrams, connection);
                else connection._outbox.Clear();
                return;
            }

            connection._outbox.Take();
            taken++;
        }
    }

    private PeerStream? TryOpenStream(PeerMachine machine, Instant now) =>
        machine.TryOpenStream(now, Handle, out var stream) ? Register(stream) : null;

    private PeerStream Register(SessionStream stream)
    {
        var made = _streams.GetOrAdd(stream.Id, static (_, made) => new PeerStream(made.Owner, made.Stream), (Owner: this, Stream: stream));
        PeerMetrics.StreamOpened(stream.IsLocal);
        if (_closed.Task.IsCompleted) made.HandleOver(); // closed by another thread meanwhile, which may have missed it
        return made;
    }

    private PeerStream? Find(SessionStream stream) => _streams.GetValueOrDefault(stream.Id);

    /// <summary>Whoever waits holds the old one and is woken by the caller; the next wait takes the new one.</summary>
    private static TaskCompletionSource Renew(ref TaskCompletionSource signal) =>
        Interlocked.Exchange(ref signal, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
}
