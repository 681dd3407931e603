using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Attacks;

/// <summary>
/// A server that holds the right key and keeps no promise: it does the hello, and then says what a test wants. Left alone it introduces peers and relays
/// like an honest one, but checks nothing.
/// </summary>
internal sealed class HostileServer(IdentityKey identity, StunServerKey stunKey, ImmutableArray<TransportAddress> stun, EntropySource entropy) : ISocketUser
{
    private static readonly DateTimeOffset s_epoch = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private readonly StunCredentialIssuer _issuer = new(stunKey);
    private readonly Dictionary<SocketId, HostileConnection> _connections = [];
    private readonly Dictionary<SessionId, (HostileConnection First, HostileConnection Second)> _sessions = [];
    private readonly Queue<(SocketId Socket, byte[] Message)> _outgoing = [];
    private readonly Queue<SocketRequest> _requests = [];

    public IdentityKey Identity { get; } = identity;

    public ImmutableArray<TransportAddress> Stun { get; set; } = stun;

    public EntropySource Entropy { get; } = entropy;

    /// <summary>Takes a client's message in the place of the usual treatment, if it answers true.</summary>
    public Func<HostileConnection, ClientMessage, bool>? OnMessage { get; set; }

    /// <summary>Treats a hello in the place of the usual answer.</summary>
    public Action<HostileConnection>? OnHello { get; set; }

    /// <summary>What becomes of a relay frame; null forwards it.</summary>
    public Action<HostileConnection, HostileConnection, byte[]>? OnRelay { get; set; }

    /// <summary>Changes the pushes of a connect: the caller's and the called's.</summary>
    public Func<SessionPush, HostileConnection, SessionPush>? ChangePush { get; set; }

    /// <summary>Sees every message as it is on the wire.</summary>
    public Action<ReadOnlyMemory<byte>>? Inspect { get; set; }

    public Instant? NextDeadline => null;

    public IEnumerable<HostileConnection> Connections => _connections.Values;

    /// <summary>The newest connection of a peer.</summary>
    public HostileConnection Of(PeerId peer) => _connections.Values.Last(connection => connection.Peer == peer);

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (socketEvent is SocketEvent.Accepted accepted) _connections[accepted.Socket] = new HostileConnection(this, accepted.Socket, accepted.Remote);
        if (socketEvent is SocketEvent.Failed failed) _connections.Remove(failed.Socket);
    }

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams)
        {
            byte[] message = batch.Bytes(datagram).ToArray();
            Inspect?.Invoke(message);
            if (_connections.TryGetValue(datagram.Socket, out var connection)) Handle(now, connection, message);
        }
    }

    public void HandleDeadline(Instant now)
    {
    }

    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_outgoing.TryDequeue(out var next)) return false;
        Inspect?.Invoke(next.Message);
        writer.Begin(next.Socket, default);
        if (!writer.TryReserve(next.Message.Length, out var segment)) return true;
        next.Message.CopyTo(segment);
        writer.Commit(next.Message.Length);
        return true;
    }

    public void Send(SocketId socket, byte[] message) => _outgoing.Enqueue((socket, message));

    public void Close(SocketId socket)
    {
        _connections.Remove(socket);
        _requests.Enqueue(new SocketRequest.Close(socket));
    }

    /// <summary>A push as an honest server would write it.</summary>
    public SessionPush PushFor(HostileConnection to, PublicKey other, SessionId session, string dialled, HandshakeOffer? offer, params CandidateInfo[] candidates) => new(
        session, offer is null, other, null, InstanceId.Create(Entropy), dialled, offer, PlanFor(to, other.PeerId, 0, candidates));

    public static PunchPlan PlanFor(HostileConnection to, PeerId other, int generation, params CandidateInfo[] candidates) => new(
        generation, to.Peer < other, new IceCredentialInfo("locallocal", "0123456789012345678901"), new IceCredentialInfo("remoteremote", "abcdefghijabcdefghijab"),
        [.. candidates], NatFacts.Unknown, TimeSpan.Zero, TimeSpan.FromMilliseconds(40), TimeSpan.FromMilliseconds(40));

    /// <summary>A candidate that nobody has proved.</summary>
    public static CandidateInfo Invented(
        string address, CandidateKind kind = CandidateKind.ServerReflexive, CandidateTransport transport = CandidateTransport.Udp) =>
        new(kind, transport, TransportAddress.Parse(address), default, 1_000, "1");

    private void Handle(Instant now, HostileConnection connection, byte[] message)
    {
        if (message[0] == (byte)MainMessageKind.Hello)
        {
            if (OnHello is { } refuse) refuse(connection);
            else connection.HandleHello(message);
        }
        else if (message[0] == (byte)MainMessageKind.Relay)
        {
            var session = SessionId.Read(message.AsSpan(1));
            if (!_sessions.TryGetValue(session, out var ends)) return;
            var to = ends.First.Peer == connection.Peer ? ends.Second : ends.First;
            if (OnRelay is { } take) take(connection, to, message);
            else Send(to.Socket, message);
        }
        else if (connection.TryOpen(message, out var control) && OnMessage?.Invoke(connection, control) != true)
        {
            Treat(now, connection, control);
        }
    }

    private void Treat(Instant now, HostileConnection connection, ClientMessage message)
    {
        switch (message)
        {
            case ClientMessage.Hello:
                var credential = _issuer.Issue(connection.Peer, s_epoch + (now - Instant.Zero));
                connection.Say(new ServerMessage.Welcome(1, connection.Remote, Stun, new StunAccess(credential.Username, credential.Password, TimeSpan.FromHours(2))));
                break;
            case ClientMessage.Register register:
                connection.Name = register.Name;
                connection.Candidates = register.List;
                connection.Say(new ServerMessage.Registered(register.Name, register.List.Length));
                break;
            case ClientMessage.Update update:
                connection.Candidates = update.List;
                break;
            case ClientMessage.Ping ping:
                connection.Say(new ServerMessage.Pong(ping.Stamp));
                break;
            case ClientMessage.Connect connect:
                Introduce(connection, connect);
                break;
        }
    }

    private void Introduce(HostileConnection caller, ClientMessage.Connect connect)
    {
        string name = connect.Target.Split('@')[0];
        if (_connections.Values.LastOrDefault(other => other.Name == name || other.Peer.ToString() == name) is not { } called) return;
        _sessions[connect.Session] = (caller, called);
        var first = PushFor(caller, called.Key!, connect.Session, connect.Target, null, [.. called.Candidates.Select(static candidate => candidate.ForPeers())]);
        var second = PushFor(called, caller.Key!, connect.Session, connect.Target, connect.Offer, [.. caller.Candidates.Select(static candidate => candidate.ForPeers())]);
        second = second with { Plan = second.Plan with { Local = first.Plan.Remote, Remote = first.Plan.Local } };
        caller.Say(new ServerMessage.SessionBegun(ChangePush?.Invoke(first, caller) ?? first));
        called.Say(new ServerMessage.SessionBegun(ChangePush?.Invoke(second, called) ?? second));
    }
}

/// <summary>One client of a <see cref="HostileServer"/>.</summary>
internal sealed class HostileConnection(HostileServer server, SocketId socket, TransportAddress remote)
{
    private readonly RendezvousCodec _codec = new();
    private NoiseHandshake? _handshake;
    private NoiseChannel? _channel;

    public SocketId Socket { get; } = socket;

    public TransportAddress Remote { get; } = remote;

    public PublicKey? Key { get; private set; }

    public PeerId Peer => Key?.PeerId ?? default;

    public string? Name { get; set; }

    public ImmutableArray<CandidateInfo> Candidates { get; set; } = [];

    public List<ClientMessage> Heard { get; } = [];

    public void HandleHello(byte[] message)
    {
        if (_handshake is null)
        {
            var pattern = message[1] == 1 ? NoisePattern.IK : NoisePattern.XX;
            _handshake = NoiseHandshake.Respond(pattern, Encoding.ASCII.GetBytes($"porthole/1 rendezvous {pattern}"), server.Identity, default, server.Entropy);
        }

        // Who was made for another key does not open: this server answers all the same, as well as it can.
        if (_handshake.TryReadMessage(message.AsSpan(2), default, out _) && _handshake.IsMyTurn)
        {
            byte[] answer = new byte[2 + NoiseHandshake.MaxOverhead];
            answer[0] = (byte)MainMessageKind.Hello;
            server.Send(Socket, answer[..(2 + _handshake.WriteMessage(default, answer.AsSpan(2)))]);
        }

        if (!_handshake.IsComplete) return;
        Key = _handshake.RemoteStatic;
        _channel = new NoiseChannel(_handshake.Split(), isInitiator: false);
    }

    public bool TryOpen(byte[] message, [NotNullWhen(true)] out ClientMessage? control)
    {
        control = null;
        byte[] body = message[1..];
        if (_channel is null || !_channel.TryOpen(body, body, out int length) || !RendezvousCodec.TryDecode(body.AsSpan(0, length), out control)) return false;
        Heard.Add(control);
        return true;
    }

    public void Say(ServerMessage message) => SaySealed(_codec.Encode(message));

    public void SayJson(string json) => SaySealed(Encoding.UTF8.GetBytes(json));

    public void SaySealed(ReadOnlySpan<byte> plain) => Send(Seal(plain));

    public byte[] Seal(ReadOnlySpan<byte> plain)
    {
        byte[] message = new byte[1 + plain.Length + NoiseChannel.Overhead];
        message[0] = (byte)MainMessageKind.Control;
        _channel!.Seal(plain, message.AsSpan(1));
        return message;
    }

    public void Send(byte[] message) => server.Send(Socket, message);
}
