using Porthole.Lab;
using Porthole.Protocol;

namespace Porthole.Scenarios.Attacks;

/// <summary>A host that only does what it is told: one UDP socket, everything that comes is kept.</summary>
internal sealed class RawHost : IProtocolMachine
{
    private static readonly SocketId s_socket = new(1);

    private readonly SimulatedMachine _running;
    private readonly Queue<(TransportAddress To, byte[] Bytes)> _outgoing = [];

    public RawHost(SimulatedNetwork network, string name, string address, ushort port = 5_000)
    {
        Host = network.AddHost(name, address, LinkOptions.WithDelay(10));
        _running = Host.Run(this);
        Local = _running.Bind(s_socket, TransportAddress.Parse($"0.0.0.0:{port}")) is var bound ? TransportAddress.Parse($"{address}:{bound.Port}") : default;
    }

    public SimulatedHost Host { get; }

    public TransportAddress Local { get; }

    public List<(TransportAddress From, byte[] Bytes)> Received { get; } = [];

    public Instant? NextDeadline => null;

    public void Send(TransportAddress to, byte[] bytes) => _running.Invoke(_ => _outgoing.Enqueue((to, bytes)));

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams) Received.Add((datagram.Remote, batch.Bytes(datagram).ToArray()));
    }

    public void HandleDeadline(Instant now)
    {
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_outgoing.TryDequeue(out var next)) return false;
        writer.Begin(s_socket, next.To);
        if (!writer.TryReserve(next.Bytes.Length, out var segment)) return false;
        next.Bytes.CopyTo(segment);
        writer.Commit(next.Bytes.Length);
        return true;
    }
}
