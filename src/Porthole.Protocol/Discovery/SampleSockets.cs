using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Discovery;

/// <summary>
/// The fresh sockets that show how a NAT treats flows it has not seen before: <see cref="PerHost"/> on each local address, closed as soon as they have been answered.
/// </summary>
/// <param name="nextSocket">Numbers the next socket of the machine.</param>
internal sealed class SampleSockets(Func<SocketId> nextSocket)
{
    /// <summary>How many sockets one address gets: with the one that is kept, three flows to three ports each show step, band and parity.</summary>
    public const int PerHost = 2;

    /// <summary>How many addresses are sampled: a host's network cards; the rest are bridges of virtual machines as a rule.</summary>
    public const int MaxHosts = 4;

    private readonly List<Sample> _samples = [];
    private readonly Queue<SocketRequest> _requests = [];

    /// <summary>Whether some are not open yet.</summary>
    public bool IsOpening => _samples.Exists(static sample => !sample.IsOpen);

    public bool Owns(SocketId socket) => _samples.Exists(sample => sample.Socket == socket);

    /// <summary>Asks for the sockets of one address, in place of those it has.</summary>
    public void Open(TransportAddress host)
    {
        CloseOf(host);
        if (_samples.Count >= PerHost * MaxHosts) return;
        for (int i = 0; i < PerHost; i++)
        {
            var sample = new Sample(nextSocket(), host.Host, i);
            _samples.Add(sample);
            _requests.Enqueue(new SocketRequest.UdpBind(sample.Socket, host.WithPort(0)) { IsTentative = true });
        }
    }

    /// <summary>Takes word of an open socket.</summary>
    /// <returns>Its place among those of its address, from 0.</returns>
    public int HandleOpened(SocketId socket)
    {
        var sample = _samples.Find(sample => sample.Socket == socket);
        if (sample is null) return 0;
        sample.IsOpen = true;
        return sample.Index;
    }

    /// <summary>Takes word of a socket that failed.</summary>
    public void HandleFailed(SocketId socket) => _samples.RemoveAll(sample => sample.Socket == socket);

    public void Close(SocketId socket)
    {
        if (_samples.RemoveAll(sample => sample.Socket == socket) > 0) _requests.Enqueue(new SocketRequest.Close(socket));
    }

    public void CloseOf(TransportAddress host)
    {
        foreach (var sample in _samples.Where(sample => sample.Host.SameHost(host)).ToArray()) Close(sample.Socket);
    }

    public void CloseAll()
    {
        foreach (var sample in _samples.ToArray()) Close(sample.Socket);
    }

    public bool TryTakeRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    private sealed class Sample(SocketId socket, TransportAddress host, int index)
    {
        public SocketId Socket { get; } = socket;

        public TransportAddress Host { get; } = host;

        public int Index { get; } = index;

        public bool IsOpen { get; set; }
    }
}
