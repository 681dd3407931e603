using System.Security.Cryptography;
using System.Text;
using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Rendezvous;

/// <summary>Letting clients in, and keeping in touch with them.</summary>
public sealed partial class RendezvousServer
{
    private readonly RateLimiter<TransportAddress> _hellosPerSite;
    private readonly RateLimiter<TransportAddress> _wrongTokens;
    private readonly byte[]? _tokenHash;

    private static byte[] HashToken(string token) => SHA256.HashData(Encoding.UTF8.GetBytes(token));

    private void HandleAccepted(Instant now, SocketId socket, TransportAddress remote)
    {
        var connection = new ServerConnection(socket, remote, now);
        if (!_connections.TryAdd(socket, connection)) return;
        var site = CandidateRules.Site(remote);
        int fromSite = _connectionsPerSite[site] = _connectionsPerSite.GetValueOrDefault(site) + 1;
        _hellos.Enqueue((now + _options.HelloTimeout, connection));
        if (_connections.Count > _options.MaxConnections) CloseWith(now, connection, RendezvousError.ServerFull);
        else if (fromSite > _options.MaxConnectionsPerAddress) CloseWith(now, connection, RendezvousError.TooManyConnections);
        else if (!_hellosPerSite.TryTake(now, site)) CloseWith(now, connection, RendezvousError.RateLimited);
    }

    private void HandleHello(Instant now, ServerConnection connection, ReadOnlySpan<byte> message)
    {
        if (message is not [(byte)MainMessageKind.Hello, ..] || !HelloFrame.TryReadPattern(message, out var pattern))
        {
            CloseWith(now, connection, RendezvousError.ProtocolViolation);
            return;
        }

        var handshake = NoiseHandshake.Respond(pattern, HelloFrame.Prologue(pattern), _identity, default, _entropy);
        connection.Handshake = handshake;
        if (!HelloFrame.TryRead(handshake, message, isFirst: true))
        {
            // The usual reason for an IK message that does not open is that it was made for another key.
            CloseWith(now, connection, pattern == NoisePattern.IK ? RendezvousError.WrongServerKey : RendezvousError.ProtocolViolation);
            return;
        }

        SendPlain(connection, HelloFrame.Write(handshake, isFirst: false));
        connection.StampedAt = now;
        if (handshake.IsComplete) Complete(connection, handshake);
        else connection.State = ServerConnectionState.AwaitingProof;
    }

    private void HandleProof(Instant now, ServerConnection connection, ReadOnlySpan<byte> message)
    {
        if (message is not [(byte)MainMessageKind.Hello, ..] || !HelloFrame.TryRead(connection.Handshake!, message, isFirst: false))
        {
            CloseWith(now, connection, RendezvousError.ProtocolViolation);
            return;
        }

        Complete(connection, connection.Handshake!);
    }

    private static void Complete(ServerConnection connection, NoiseHandshake handshake)
    {
        connection.Key = handshake.RemoteStatic!;
        connection.Peer = connection.Key.PeerId;
        using (var keys = handshake.Split()) connection.Channel = new NoiseChannel(keys, isInitiator: false);
        connection.Handshake = null;
        connection.State = ServerConnectionState.AwaitingToken;
    }

    private void HandleControl(Instant now, ServerConnection connection, Span<byte> message)
    {
        if (message is not [(byte)MainMessageKind.Control, ..])
        {
            // A relay frame that found no route may still come here from a simple host.
            if (message is not [(byte)MainMessageKind.Relay, ..]) CloseWith(now, connection, RendezvousError.ProtocolViolation);
            return;
        }

        var body = message[1..];
        if (!connection.Channel!.TryOpen(body, body, out int length) || !RendezvousCodec.TryDecode(body[..length], out ClientMessage? control))
        {
            CloseWith(now, connection, RendezvousError.ProtocolViolation);
        }
        else if (!TakeMessageToken(now, connection))
        {
            CloseWith(now, connection, RendezvousError.RateLimited);
        }
        else if (connection.State == ServerConnectionState.Open)
        {
            HandleMessage(now, connection, control);
        }
        else if (control is ClientMessage.Hello hello)
        {
            HandleClientHello(now, connection, hello);
        }
        else
        {
            CloseWith(now, connection, RendezvousError.ProtocolViolation);
        }
    }

    private bool TakeMessageToken(Instant now, ServerConnection connection)
    {
        var next = Instant.Max(connection.MessagesFullAt, now) + _options.MessagePeriod / _options.MessageBurst;
        if (next - now > _options.MessagePeriod) return false;
        connection.MessagesFullAt = next;
        return true;
    }

    private void HandleClientHello(Instant now, ServerConnection connection, ClientMessage.Hello hello)
    {
        if (hello.Version != RendezvousLimits.Version)
        {
            CloseWith(now, connection, RendezvousError.UnsupportedVersion);
            return;
        }

        if (CheckToken(now, connection, hello.Token) is { } refusal)
        {
            CloseWith(now, connection, refusal);
            return;
        }

        connection.Instance = hello.Instance;
        // The same run of the program is back before its old connection was missed.
        if (_directory.FindInstance(connection.Peer, hello.Instance) is { } old) CloseWith(now, old, RendezvousError.ReplacedByNewConnection);
        if (_directory.CountInstances(connection.Peer) >= _options.MaxInstances)
        {
            CloseWith(now, connection, RendezvousError.TooManyConnections);
            return;
        }

        connection.AddRtt(now - connection.StampedAt); // the answer to the last handshake message
        connection.State = ServerConnectionState.Open;
        connection.LastActive = now;
        _directory.Add(connection);
        _events.Enqueue(new RendezvousServerEvent.PeerConnected(connection.Socket, connection.Peer, connection.Remote));
        Send(connection, new ServerMessage.Welcome(RendezvousLimits.Version, connection.Remote, _options.Stun, IssueAccess(now, connection)));
        SendPing(now, connection);
    }

    private RendezvousError? CheckToken(Instant now, ServerConnection connection, string? token)
    {
        if (_tokenHash is null) return null;
        var site = CandidateRules.Site(connection.Remote);
        if (!_wrongTokens.Allows(now, site)) return RendezvousError.RateLimited;
        // Hashes of one length, compared in constant time, so that time tells nothing of the token.
        if (CryptographicOperations.FixedTimeEquals(HashToken(token ?? ""), _tokenHash) && token is not null) return null;
        _wrongTokens.TryTake(now, site);
        return RendezvousError.WrongToken;
    }

    private StunAccess IssueAccess(Instant now, ServerConnection connection)
    {
        var credential = _issuer.Issue(connection.Peer, WallClock(now), _options.StunLifetime);
        connection.CredentialDue = now + _options.StunLifetime / 2;
        return new StunAccess(credential.Username, credential.Password, _options.StunLifetime);
    }

    private void SendPing(Instant now, ServerConnection connection)
    {
        MeasureRtt(now, connection);
        _pings.Enqueue((now + _options.PingPeriod, connection));
    }

    private void MeasureRtt(Instant now, ServerConnection connection)
    {
        connection.StampedAt = now;
        connection.AwaitsPong = true;
        Send(connection, new ServerMessage.Ping(++connection.PingStamp));
    }

    private void HandlePingDue(Instant now, ServerConnection connection)
    {
        if (connection.State != ServerConnectionState.Open) return;
        if (connection.AwaitsPong && ++connection.Missed >= _options.MissedPings)
        {
            CloseNow(now, connection, RendezvousError.ConnectionLost);
            return;
        }

        if (connection.CredentialDue <= now) Send(connection, new ServerMessage.Credential(IssueAccess(now, connection)));
        SendPing(now, connection);
    }

    private void HandlePong(Instant now, ServerConnection connection, ClientMessage.Pong pong)
    {
        connection.Missed = 0;
        if (!connection.AwaitsPong || pong.Stamp != connection.PingStamp) return;
        connection.AwaitsPong = false;
        connection.AddRtt(now - connection.StampedAt);

        // The first round trips hold the work of a handshake, and of a program that has just begun: the next ones follow at once, before anybody calls.
        if (!connection.HasRtts) MeasureRtt(now, connection);
    }

    /// <summary>Takes a connection out of everything that others can see.</summary>
    private void Leave(Instant now, ServerConnection connection, RendezvousError reason)
    {
        if (connection.State != ServerConnectionState.Open) return;
        connection.State = ServerConnectionState.Closing;
        LeaveMeetings(connection);
        LeaveSessions(now, connection);
        _directory.Remove(connection);
        LeavePresence(connection);
        if (connection.Name is { } name && _names.TryTouch(name, WallClock(now), out var record)) _events.Enqueue(new RendezvousServerEvent.NameChanged(record));
        connection.IsRegistered = false;
        _events.Enqueue(new RendezvousServerEvent.PeerDisconnected(connection.Socket, connection.Peer, reason, connection.Relayed?.Bytes ?? 0));
    }
}
