using System.Net;
using System.Net.Sockets;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>Two ends of a plain TCP connection over loopback.</summary>
internal sealed class TcpPair : IDisposable
{
    private readonly Socket _near;
    private readonly Socket _far;

    private TcpPair(Socket near, Socket far)
    {
        (_near, _far) = (near, far);
        near.NoDelay = far.NoDelay = true;
        (Near, Far) = (new NetworkStream(near), new NetworkStream(far));
    }

    public NetworkStream Near { get; }

    public NetworkStream Far { get; }

    public static async Task<TcpPair> ConnectAsync()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var near = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await near.ConnectAsync(listener.LocalEndPoint!).ConfigureAwait(false);
        return new TcpPair(near, await listener.AcceptAsync().ConfigureAwait(false));
    }

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
        _near.Dispose();
        _far.Dispose();
    }
}
