using System.Collections.Immutable;
using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Rendezvous;

/// <summary>The main connection: hello, signs of life, connecting again.</summary>
public sealed partial class RendezvousClient
{
    /// <summary>How many signs of life may be missed in a row.</summary>
    private const int MaxMissed = 3;

    /// <summary>No more doubling after this many attempts: 0.5 s · 2^6 is beyond the longest wait.</summary>
    private const int MaxDoublings = 6;

    private NoiseHandshake? _handshake;
    private NoiseChannel? _channel;
    private TransportAddress _local;
    private TransportAddress _server;
    private bool _isProbing;
    private bool _wasOnline;
    private int _missed;
    private int _attempt;
    private long _stamp;
    private long _answered;
    private long? _allowStamp;
    private Farewell? _farewell;
    private Instant _stampedAt;
    private long _seen;

    private void BeginConnecting(Instant now)
    {
        var socket = _nextSocket();
        Socket = socket;
        _state = State.Connecting;
        _deadlines[Alarm.Reconnect] = null;
        _deadlines[Alarm.ConnectTimeout] = now + _options.ConnectTimeout;
        _requests.Enqueue(new SocketRequest.ServerConnect(socket, _options.Server, LocalPort));
    }

    private void HandleOpened(Instant now, SocketEvent.Opened opened)
    {
        (_local, _server) = (opened.Local, opened.Remote);
        var pattern = ServerKey is null ? NoisePattern.XX : NoisePattern.IK; // a known key is never given up for XX
        if (ServerKey is { } key && (!IdentityKey.IsUsable(key) || key.Equals(_identity.PublicKey)))
        {
            _events.Enqueue(new RendezvousEvent.ServerKeyMismatch(key));
            Disconnect(now, RendezvousError.WrongServerKey, "the pinned key is not usable", atOnce: false);
            return;
        }

        _handshake = NoiseHandshake.Initiate(pattern, HelloFrame.Prologue(pattern), _identity, ServerKey, default, _entropy);
        _hello = HelloFrame.Write(_handshake, isFirst: true);
        _state = State.Handshaking;
    }

    private void HandleHello(Instant now, ReadOnlySpan<byte> message)
    {
        if (message is [(byte)MainMessageKind.Refusal, var code])
        {
            HandlePlainRefusal(now, (RendezvousError)code);
            return;
        }

        if (message is not [(byte)MainMessageKind.Hello, ..] || _hello is not null || !HelloFrame.TryRead(_handshake!, message, isFirst: false))
        {
            // Who does not hold the pinned key cannot answer message 1 of IK.
            HandlePlainRefusal(now, ServerKey is null ? RendezvousError.NotAServer : RendezvousError.WrongServerKey);
            return;
        }

        if (_handshake!.IsMyTurn) _hello = HelloFrame.Write(_handshake, isFirst: false);
        var key = _handshake.RemoteStatic!;
        if (ServerKey is null)
        {
            ServerKey = key;
            _events.Enqueue(new RendezvousEvent.ServerKeyLearned(key));
        }

        using (var keys = _handshake.Split()) _channel = new NoiseChannel(keys, isInitiator: true);
        _handshake = null;
        _state = State.Greeting;
        Enqueue(now, new ClientMessage.Hello(RendezvousLimits.Version, Instance, _options.Token));
    }

    private void HandlePlainRefusal(Instant now, RendezvousError error)
    {
        // What a server says before the hello is done. It comes in clear: anybody on the way can write it, and no more than this is believed.
        if (error is not (RendezvousError.ServerFull or RendezvousError.TooManyConnections or RendezvousError.RateLimited or RendezvousError.WrongServerKey
            or RendezvousError.ProtocolViolation or RendezvousError.ServerStopping))
        {
            error = RendezvousError.NotAServer;
        }

        if (error == RendezvousError.WrongServerKey && ServerKey is { } pinned) _events.Enqueue(new RendezvousEvent.ServerKeyMismatch(pinned));
        Disconnect(now, error, "", atOnce: false, mayBeFinal: !_wasOnline); // who was there before may come back when the stranger is gone
    }

    private void HandleFailed(Instant now, SocketEvent.Failed failed)
    {
        Socket = null; // nothing to close
        var reason = failed.Reason switch
        {
            SocketFailure.NameNotFound => RendezvousError.ServerNotFound,
            SocketFailure.Protocol => RendezvousError.NotAServer,
            SocketFailure.Closed when _state != State.Connecting => RendezvousError.ConnectionLost,
            SocketFailure.AddressGone when _state != State.Connecting => RendezvousError.ConnectionLost,
            SocketFailure.Unreachable or SocketFailure.TimedOut or SocketFailure.Other when _state != State.Connecting => RendezvousError.ConnectionLost,
            SocketFailure.Refused or SocketFailure.Unreachable or SocketFailure.TimedOut or SocketFailure.InUse or SocketFailure.AddressGone
                or SocketFailure.Closed or SocketFailure.Other => RendezvousError.ServerUnreachable,
        };
        Disconnect(now, reason, failed.Detail, atOnce: false);
    }

    private void HandleNetworkChanged(Instant now, ImmutableArray<TransportAddress> addresses)
    {
        if (_state == State.Stopped) return;
        _attempt = 0;
        if (_state == State.Waiting)
        {
            BeginConnecting(now);
        }
        else if (_state == State.Connecting)
        {
            // Its SYN may have left from an address that is gone.
            _requests.Enqueue(new SocketRequest.Close(Socket!.Value, Abortive: true));
            BeginConnecting(now);
        }
        else if (!_local.IsUnspecified && !_local.IsLoopback && !addresses.Any(_local.SameHost))
        {
            Disconnect(now, RendezvousError.ConnectionLost, "the local address is gone", atOnce: true);
        }
        else
        {
            Probe(now); // the address is still there, but the way may be another
        }
    }

    private void SendPing(Instant now)
    {
        MeasureRoundTrip(now);
        _deadlines[Alarm.Silence] = null;
        _deadlines[Alarm.Pong] = now + (_isProbing ? _options.ProbeTimeout : _options.PongTimeout);
    }

    private void NoteLife(Instant now)
    {
        (_isProbing, _missed) = (false, 0);
        _deadlines[Alarm.Pong] = null;
        _deadlines[Alarm.Silence] = now + _options.KeepAlive;
    }

    /// <summary>Gives the connection up, and decides when to try again.</summary>
    private void Disconnect(Instant now, RendezvousError reason, string detail, bool atOnce, bool mayBeFinal = true)
    {
        if (Socket is { } socket) _requests.Enqueue(new SocketRequest.Close(socket, Abortive: reason is RendezvousError.ServerSilent));
        Socket = null;
        _handshake?.Dispose();
        _channel?.Dispose();
        (_handshake, _channel, _hello) = (null, null, null);
        (_local, _server) = (default, default);
        _queue.Clear();
        _sessions.Clear();
        _incoming.Clear();
        _accepted.Clear();
        _met.Clear();
        _peers = null;
        (_seen, _missed, _isProbing, _isCongested, _candidatesSentAt, _hasListed) = (0, 0, false, false, null, false);
        foreach (var alarm in Enum.GetValues<Alarm>()) _deadlines[alarm] = null;
        if (_allowStamp is not null) TellAllowed();
        Instant? retryAt = reason.IsFinal && mayBeFinal ? null : atOnce ? now : now + NextBackoff();
        _state = retryAt is null ? State.Stopped : State.Waiting;
        _deadlines[Alarm.Reconnect] = retryAt;
        _events.Enqueue(new RendezvousEvent.Disconnected(reason, detail, retryAt));
    }

    private void TellAllowed()
    {
        _allowStamp = null;
        _events.Enqueue(new RendezvousEvent.AllowListTaken());
    }

    private TimeSpan NextBackoff()
    {
        var wait = _options.FirstBackoff * (1 << Math.Min(_attempt++, MaxDoublings));
        if (wait > _options.MaxBackoff) wait = _options.MaxBackoff;
        return wait * _entropy.NextDouble(0.8, 1.2); // clients that lost one server do not return in step
    }

    // The owner writes before it closes sockets.
    private void SayFarewell()
    {
        _farewell?.Channel.Dispose();
        _farewell = new Farewell(Socket!.Value, _channel!, new Queue<ClientMessage>(_queue.Where(static message => message is ClientMessage.Release)));
        _channel = null;
    }

    private bool TryWriteFarewell(ref DatagramBatchWriter writer)
    {
        if (_farewell is not { } farewell) return false;
        if (TryWrite(farewell.Socket, farewell.Channel, farewell.Messages, ref writer)) return true;
        farewell.Channel.Dispose();
        _farewell = null;
        return false;
    }

    /// <summary>What is still to be said on a main connection that is being closed.</summary>
    private sealed record Farewell(SocketId Socket, NoiseChannel Channel, Queue<ClientMessage> Messages);
}
