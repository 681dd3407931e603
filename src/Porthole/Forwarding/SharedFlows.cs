using System.Net.Sockets;
using Porthole.Protocol.Forwarding;
using Porthole.Runtime;

namespace Porthole.Forwarding;

/// <summary>The UDP flows of one connection at a sharer. A datagram of an unknown flow begins one; a flow ends when nothing has passed for a while, when its place is needed by the same peer, or with its association.</summary>
internal sealed class SharedFlows : IDisposable
{
    /// <summary>More UDP ports than anybody forwards over one connection.</summary>
    private const int MaxAssociations = 256;

    private readonly PortSharer _sharer;
    private readonly PeerConnection _connection;
    private readonly PeerFlows _peer;
    private readonly DatagramCarrier _carrier;
    private readonly InstantClock _clock;
    private readonly ITimer _sweep;
    private readonly Dictionary<ushort, SharedAssociation> _associations = [];
    private readonly FlowTable<(ushort Association, uint Flow), SharedFlow> _flows;
    private bool _disposed;

    public SharedFlows(PortSharer sharer, PeerConnection connection, PeerFlows peer)
    {
        (_sharer, _connection, _peer) = (sharer, connection, peer);
        var options = sharer.Options;
        (_clock, _carrier) = (new InstantClock(options.TimeProvider), new DatagramCarrier(connection, options.TimeProvider));
        _flows = new FlowTable<(ushort, uint), SharedFlow>(options.MaxFlows, options.FlowTimeout);
        var often = options.FlowTimeout / 8;
        _sweep = options.TimeProvider.CreateTimer(static flows => ((SharedFlows)flows!).Sweep(), this, often, often);
        lock (peer.Gate) peer.Add(this);
    }

    /// <summary>How many flows there are; under the peer's gate.</summary>
    public int Count => _flows.Count;

    /// <summary>Takes the peer's datagrams until the connection is over.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => _carrier.ReceiveAsync(Handle, cancellationToken);

    /// <summary>Takes datagrams for a target from now on.</summary>
    /// <returns>False when there is an association of that number, or as many as may be.</returns>
    public bool TryAdd(SharedAssociation association)
    {
        lock (_peer.Gate) return _associations.Count < MaxAssociations && _associations.TryAdd(association.Number, association);
    }

    /// <summary>Takes no more datagrams for a target. Its flows end when they are quiet.</summary>
    public void Remove(SharedAssociation association)
    {
        lock (_peer.Gate) _associations.Remove(association.Number);
    }

    public void Dispose()
    {
        _sweep.Dispose();
        lock (_peer.Gate)
        {
            _disposed = true;
            _peer.Remove(this);
            while (TryEndQuietest())
            {
                // They go with the connection.
            }
        }
    }

    /// <summary>Ends the flow that has been quiet for longest; under the peer's gate.</summary>
    /// <returns>False when there is none.</returns>
    public bool TryEndQuietest()
    {
        if (!_flows.TryTakeQuietest(out var quietest)) return false;
        End(quietest);
        return true;
    }

    private void Handle(ushort association, uint number, ReadOnlySpan<byte> payload)
    {
        SharedFlow? flow;
        lock (_peer.Gate)
        {
            if (!_associations.TryGetValue(association, out var known)) return;
            if (!_flows.TryUse(_clock.Now, (association, number), out flow) && !TryBegin(known, number, out flow)) return;
        }

        flow.Send(payload);
    }

    private bool TryBegin(SharedAssociation association, uint number, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SharedFlow? flow)
    {
        flow = null;
        if (_disposed || !_peer.TryMakeRoom()) return false;
        try
        {
            flow = new SharedFlow(_sharer.NextId(), association, number, _carrier, () => Use(association.Number, number), _sharer.Options.TimeProvider);
        }
        catch (SocketException)
        {
            return false; // no descriptors left: the datagram is lost, and the next may begin the flow
        }

        _flows.Add(_clock.Now, (association.Number, number), flow);
        flow.Start();
        Tell(new ForwardingEvent.Connected(flow.Id, _connection, association.Target, flow.Remote));
        return true;
    }

    private void Use(ushort association, uint number)
    {
        lock (_peer.Gate) _flows.TryUse(_clock.Now, (association, number), out _);
    }

    private void Sweep()
    {
        lock (_peer.Gate)
        {
            while (_flows.TryTakeExpired(_clock.Now, out var flow)) End(flow);
        }
    }

    private void End(SharedFlow flow)
    {
        flow.Dispose();
        Tell(new ForwardingEvent.Closed(flow.Id, _connection, flow.Association.Target, flow.BytesToPeer, flow.BytesFromPeer, null));
    }

    private void Tell(ForwardingEvent happened) => _sharer.Options.Observer?.Invoke(happened);
}
