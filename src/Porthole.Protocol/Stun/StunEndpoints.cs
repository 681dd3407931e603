using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Stun;

/// <summary>The listening sockets of a STUN server over one transport, numbered from 1 in the order they were asked for.</summary>
internal sealed class StunEndpoints
{
    private readonly List<StunEndpoint> _endpoints = [];
    private readonly Queue<StunServerEvent> _events = [];

    /// <summary>Adds one that is to be opened.</summary>
    /// <returns>Its number.</returns>
    public SocketId Add(TransportAddress wanted)
    {
        var socket = new SocketId(_endpoints.Count + 1);
        _endpoints.Add(new StunEndpoint(socket, wanted));
        return socket;
    }

    public StunEndpoint? Find(SocketId socket)
    {
        foreach (var endpoint in _endpoints)
        {
            if (endpoint.Socket == socket) return endpoint;
        }

        return null;
    }

    /// <summary>Takes what became of a listening socket.</summary>
    /// <returns>False when the event is about something else.</returns>
    public bool HandleSocketEvent(SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when Find(opened.Socket) is { } endpoint:
                endpoint.Local = opened.Local;
                _events.Enqueue(new StunServerEvent.Listening(opened.Local));
                break;
            case SocketEvent.Failed failed when Find(failed.Socket) is { } endpoint:
                endpoint.Local = default;
                _events.Enqueue(new StunServerEvent.NotListening(endpoint.Wanted, failed.Reason, failed.Detail));
                break;
            default:
                return false;
        }

        foreach (var endpoint in _endpoints) endpoint.Other = OtherThan(endpoint.Local);
        return true;
    }

    public bool TryTakeEvent([NotNullWhen(true)] out StunServerEvent? serverEvent) => _events.TryDequeue(out serverEvent);

    /// <summary>The address that says most beside the one asked: another host if there is one, else another port (RFC 5780 section 7.4).</summary>
    private TransportAddress OtherThan(TransportAddress local)
    {
        TransportAddress other = default;
        foreach (var endpoint in _endpoints)
        {
            if (endpoint.Local == default || endpoint.Local == local || endpoint.Local.IsIPv6 != local.IsIPv6) continue;
            if (!endpoint.Local.SameHost(local) && endpoint.Local.Port != local.Port) return endpoint.Local;
            if (other == default || other.SameHost(local)) other = endpoint.Local;
        }

        return other;
    }
}

/// <summary>One listening socket.</summary>
internal sealed class StunEndpoint(SocketId socket, TransportAddress wanted)
{
    public SocketId Socket { get; } = socket;

    public TransportAddress Wanted { get; } = wanted;

    /// <summary>The address it is bound to; default unless it is open.</summary>
    public TransportAddress Local { get; set; }

    /// <summary>Another address of the server's, to tell clients; default if there is none.</summary>
    public TransportAddress Other { get; set; }
}
