using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;

namespace Porthole.Scenarios.Discovery;

/// <summary>A TCP punching port and its probe as a whole machine: it has nothing else to do.</summary>
internal sealed class TcpProbingMachine : ISocketUser
{
    public static readonly SocketId Listener = new(1);

    private readonly Queue<SocketRequest> _requests = [];
    private int _sockets = Listener.Value;

    public TcpProbingMachine(TransportAddress local, EntropySource entropy)
    {
        Probe = new TcpNatProbe(NatProbeOptions.Default, entropy, () => new SocketId(++_sockets));
        _requests.Enqueue(new SocketRequest.TcpListen(Listener, local, Shared: true));
    }

    public TcpNatProbe Probe { get; }

    public List<(Instant At, TcpNatReport Report)> Reports { get; } = [];

    public List<(Instant At, TransportAddress? Mapped)> Samples { get; } = [];

    public int Connects { get; private set; }

    public Instant? NextDeadline => Probe.NextDeadline;

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams) Assert.True(Probe.HandleDatagram(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram)));
    }

    public void HandleDeadline(Instant now) => Probe.HandleDeadline(now);

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (socketEvent is SocketEvent.Opened opened && opened.Socket == Listener) Assert.True(Probe.AddPort(now, Listener, opened.Local));
        else if (socketEvent is not SocketEvent.NetworkChanged) Assert.True(Probe.HandleSocketEvent(now, socketEvent), socketEvent.ToString());
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => Probe.TryWrite(now, ref writer);

    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request)
    {
        if (_requests.TryDequeue(out request)) return true;
        if (!Probe.TryTakeRequest(out request)) return false;
        if (request is SocketRequest.TcpConnect) Connects++;
        return true;
    }

    public void TakeEvents(Instant now)
    {
        while (Probe.TryTakeEvent(out var probeEvent))
        {
            if (probeEvent is TcpNatProbeEvent.Reported reported) Reports.Add((now, reported.Report));
            else Samples.Add((now, Assert.IsType<TcpNatProbeEvent.Sampled>(probeEvent).Mapped));
        }
    }
}
