using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Stun;

/// <summary>
/// The listening sockets of a STUN server over one transport, numbered from 1 in the order they were asked for, and the alternates of each (RFC 5780 section 6):
/// another port of its host, another host, and both.
/// </summary>
/// <param name="second">A host whose address clients reach although it is not public, so that it may stand in for any other; default if there is none.</param>
internal sealed class StunEndpoints(TransportAddress second)
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

        foreach (var endpoint in _endpoints) FindAlternates(endpoint);
        return true;
    }

    public bool TryTakeEvent([NotNullWhen(true)] out StunServerEvent? serverEvent) => _events.TryDequeue(out serverEvent);

    private void FindAlternates(StunEndpoint endpoint)
    {
        (endpoint.OtherPort, endpoint.OtherHost, endpoint.OtherBoth) = (null, null, null);
        if (endpoint.Local == default) return;
        var ports = _endpoints.Where(other => other.Local != default && other.Local.SameHost(endpoint.Local)).ToArray();
        if (ports.Length > 1) endpoint.OtherPort = ports[^1] == endpoint ? ports[0] : ports[^1];
        var host = _endpoints.Find(other => other.Local != default && AreAlternates(endpoint.Local, other.Local))?.Local;
        if (host is not { } otherHost) return;
        endpoint.OtherHost = Find(otherHost, port => port == endpoint.Local.Port);
        endpoint.OtherBoth = Find(otherHost, port => endpoint.OtherPort is { } otherPort ? port == otherPort.Local.Port : port != endpoint.Local.Port);
    }

    private StunEndpoint? Find(TransportAddress host, Predicate<ushort> isPort) =>
        _endpoints.Find(endpoint => endpoint.Local != default && endpoint.Local.SameHost(host) && isPort(endpoint.Local.Port));

    /// <summary>
    /// Whether a client of one host may be answered from the other. Two private addresses lie on two networks as a rule, and an answer from the other would be lost
    /// on its way: that would be taken for the client's NAT.
    /// </summary>
    private bool AreAlternates(TransportAddress host, TransportAddress other) => host.IsIPv6 == other.IsIPv6 && !host.SameHost(other)
        && (other.SameHost(second) || host.SameHost(second) || (IsPublic(host) && IsPublic(other)) || (host.IsLoopback && other.IsLoopback));

    private static bool IsPublic(TransportAddress address) => !(address.IsPrivate || address.IsLinkLocal || address.IsLoopback);
}

/// <summary>One listening socket.</summary>
internal sealed class StunEndpoint(SocketId socket, TransportAddress wanted)
{
    public SocketId Socket { get; } = socket;

    public TransportAddress Wanted { get; } = wanted;

    /// <summary>The address it is bound to; default unless it is open.</summary>
    public TransportAddress Local { get; set; }

    /// <summary>
    /// Where answers with "change port" come from: the last port of the host, so that a client which leaves that one unasked knows that its NAT has not seen it;
    /// for the last one it is the first. Null if the host has no other.
    /// </summary>
    public StunEndpoint? OtherPort { get; set; }

    /// <summary>Where answers with "change IP" come from: the same port of another host.</summary>
    public StunEndpoint? OtherHost { get; set; }

    /// <summary>Where answers with both come from.</summary>
    public StunEndpoint? OtherBoth { get; set; }

    /// <summary>The address that says most beside this one, to tell clients (RFC 5780 section 7.4): another host and port if there is one; default if there is no other.</summary>
    public TransportAddress Other => (OtherBoth ?? OtherHost ?? OtherPort)?.Local ?? default;

    /// <summary>Whether the server has another host to answer from, and so is what RFC 5780 calls a server.</summary>
    public bool HasOtherHost => (OtherBoth ?? OtherHost) is not null;

    /// <summary>The socket that an answer comes from if it is asked to.</summary>
    /// <returns>Null when there is none.</returns>
    public StunEndpoint? Change(bool host, bool port) => (host, port) switch
    {
        (false, false) => this,
        (false, true) => OtherPort,
        (true, false) => OtherHost,
        (true, true) => OtherBoth,
    };
}
