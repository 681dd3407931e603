using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Discovery;

/// <summary>A probe with fresh sockets of its own, as a whole machine.</summary>
internal sealed class DetectingMachine : ISocketUser
{
    private readonly Queue<SocketRequest> _requests = [];
    private int _numbers;

    public DetectingMachine(EntropySource entropy) => Probe = new NatProbe(NatProbeOptions.Default, entropy, NextSocket);

    public NatProbe Probe { get; }

    public List<(Instant At, NatReport Report)> Reports { get; } = [];

    /// <summary>What left, and when; as many bytes.</summary>
    public List<(Instant At, SocketId Socket, TransportAddress Remote, int Bytes)> Sent { get; } = [];

    public HashSet<SocketId> Open { get; } = [];

    public Instant? NextDeadline => Probe.NextDeadline;

    public SocketId Main { get; private set; }

    public void Start(Instant now, ImmutableArray<TransportAddress> servers, ShortTermCredential? credential)
    {
        Probe.SetServers(now, servers, credential);
        Main = NextSocket();
        _requests.Enqueue(new SocketRequest.UdpBind(Main, TransportAddress.Parse("192.168.1.10:5000")));
    }

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (socketEvent is SocketEvent.Opened opened)
        {
            Open.Add(opened.Socket);
            if (opened.Socket == Main) Probe.AddSocket(now, opened.Socket, opened.Local);
        }

        Probe.HandleSocketEvent(now, socketEvent);
        TakeEvents(now);
    }

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams) Probe.HandleDatagram(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram));
        TakeEvents(now);
    }

    public void HandleDeadline(Instant now)
    {
        Probe.HandleDeadline(now);
        TakeEvents(now);
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!Probe.TryWrite(now, ref writer)) return false;
        Sent.Add((now, writer.Socket, writer.Remote, writer.Written.Length));
        return true;
    }

    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request)
    {
        if (!_requests.TryDequeue(out request) && !Probe.TryTakeRequest(out request)) return false;
        if (request is SocketRequest.Close close) Assert.True(Open.Remove(close.Socket));
        return true;
    }

    private void TakeEvents(Instant now)
    {
        while (Probe.TryTakeEvent(out var probeEvent)) Reports.Add((now, Assert.IsType<NatProbeEvent.Reported>(probeEvent).Report));
    }

    private SocketId NextSocket() => new(++_numbers);
}
