using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;
using Porthole.Protocol.Session;

namespace Porthole.Tests.Runtime;

/// <summary>One session on one UDP socket: what a peer is when everything but the session is left out.</summary>
internal sealed class SessionMachine : ISocketUser
{
    private static readonly SocketId s_socket = new(1);

    private PeerSession? _session;
    private PathId _path;
    private bool _asked;

    public TaskCompletionSource<TransportAddress> Opened { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public PeerSession Session => _session ?? throw new InvalidOperationException("No session yet.");

    public Instant? NextDeadline => _session?.NextDeadline;

    /// <summary>Begins, as soon as the other end's address is known.</summary>
    public void Begin(Instant now, PeerSession session, TransportAddress remote)
    {
        _session = session;
        _path = session.AddPath(now, s_socket, remote, PathTraits.Udp, default, trusted: true);
    }

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams) _session?.HandlePacket(now, _path, batch.Bytes(datagram));
    }

    public void HandleDeadline(Instant now) => _session?.HandleDeadline(now);

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => _session?.TryWrite(now, ref writer) == true;

    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request)
    {
        request = _asked ? null : new SocketRequest.UdpBind(s_socket, TransportAddress.Parse("127.0.0.1:0"));
        _asked = true;
        return request is not null;
    }

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (socketEvent is SocketEvent.Opened opened) Opened.SetResult(opened.Local);
    }

    public bool TryTakeEvent([NotNullWhen(true)] out SessionEvent? happened)
    {
        happened = null;
        return _session?.TryTakeEvent(out happened) == true;
    }
}
