using Porthole.Protocol;
using Porthole.Protocol.Discovery;

namespace Porthole.Scenarios.Discovery;

/// <summary>A probe as a whole machine: it has nothing else to do.</summary>
internal sealed class ProbingMachine(NatProbe probe) : IProtocolMachine
{
    public NatProbe Probe { get; } = probe;

    public List<(Instant At, NatReport Report)> Reports { get; } = [];

    public Instant? NextDeadline => Probe.NextDeadline;

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams) Assert.True(Probe.HandleDatagram(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram)));
        TakeEvents(now);
    }

    public void HandleDeadline(Instant now)
    {
        Probe.HandleDeadline(now);
        TakeEvents(now);
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => Probe.TryWrite(now, ref writer);

    private void TakeEvents(Instant now)
    {
        while (Probe.TryTakeEvent(out var probeEvent)) Reports.Add((now, Assert.IsType<NatProbeEvent.Reported>(probeEvent).Report));
    }
}
