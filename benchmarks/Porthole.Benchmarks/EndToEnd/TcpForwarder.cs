using System.Net.Sockets;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>Two TCP connections over loopback and a task that copies from one to the other: the least that a relay can do.</summary>
internal sealed class TcpForwarder : IDisposable
{
    private readonly TcpPair _in;
    private readonly TcpPair _out;

    private TcpForwarder(TcpPair incoming, TcpPair outgoing)
    {
        (_in, _out) = (incoming, outgoing);
        _ = Task.Run(CopyAsync);
    }

    public NetworkStream Near => _in.Near;

    public NetworkStream Far => _out.Far;

    public static async Task<TcpForwarder> StartAsync() =>
        new(await TcpPair.ConnectAsync().ConfigureAwait(false), await TcpPair.ConnectAsync().ConfigureAwait(false));

    public void Dispose()
    {
        _in.Dispose();
        _out.Dispose();
    }

    private async Task CopyAsync()
    {
        try
        {
            await _in.Far.CopyToAsync(_out.Near).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or ObjectDisposedException)
        {
            // Disposed: the benchmark is over.
        }
    }
}
