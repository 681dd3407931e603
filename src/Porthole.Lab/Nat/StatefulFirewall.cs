using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>
/// A firewall that translates nothing and lets in what answers: what stands in front of most IPv6 hosts (RFC 6092), and of hosts with a public IPv4
/// address. Pure: time is an argument.
/// </summary>
/// <param name="filtering">Who is let in.</param>
/// <param name="unrepliedLifetime">How long an unanswered flow lives.</param>
/// <param name="repliedLifetime">How long a flow lives once both sides have sent.</param>
/// <param name="maxFlows">The most flows at a time.</param>
public sealed class StatefulFirewall(NatFiltering filtering, TimeSpan unrepliedLifetime, TimeSpan repliedLifetime, int maxFlows = 65_536) : IMiddlebox
{
    private readonly record struct Flow(Instant Expires, bool Replied);

    private readonly record struct Connection(Instant Expires, TcpTrack Track);

    private readonly Dictionary<FlowKey, Flow> _flows = [];
    private readonly Dictionary<FlowKey, Connection> _connections = [];
    private readonly Dictionary<FlowKey, Instant> _permits = []; // whose SYNs are let in

    /// <summary>Creates a firewall with the times of Linux: 30 s and 120 s.</summary>
    public StatefulFirewall(NatFiltering filtering = NatFiltering.AddressAndPortDependent)
        : this(filtering, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(120))
    {
    }

    /// <summary>Who is let in.</summary>
    public NatFiltering Filtering => filtering;

    /// <summary>How it treats TCP. Mapping and allocation mean nothing here.</summary>
    public NatTcpProfile Tcp { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = NatTcpProfile.Default;

    /// <summary>How many flows of UDP are remembered; some may have expired.</summary>
    public int FlowCount => _flows.Count;

    /// <summary>How many TCP connections, or who may open them, are remembered, whatever is more; some may have expired.</summary>
    public int ConnectionCount => Math.Max(_connections.Count, _permits.Count);

    private NatFiltering TcpFiltering => Tcp.Filtering ?? filtering;

    /// <inheritdoc/>
    public NatVerdict TranslateOutbound(Instant now, NatPacket packet)
    {
        if (packet.IsError) return NatVerdict.Forward(packet);
        if (packet.Protocol == NatProtocol.Tcp) return FollowOutbound(now, packet);
        var key = new FlowKey(packet.Source, FilterKey(filtering, packet.Destination));
        if (!_flows.TryGetValue(key, out var flow) && !MakeRoom(now)) return NatVerdict.Drop(packet, NatDropReason.TableFull);
        bool replied = flow.Replied && flow.Expires > now;
        _flows[key] = new Flow(now + (replied ? repliedLifetime : unrepliedLifetime), replied);
        return NatVerdict.Forward(packet);
    }

    /// <inheritdoc/>
    public NatVerdict TranslateInbound(Instant now, NatPacket packet)
    {
        if (packet.Protocol == NatProtocol.Tcp) return FollowInbound(now, packet);
        var key = new FlowKey(packet.Destination, FilterKey(filtering, packet.Source));
        if (_flows.TryGetValue(key, out var flow) && flow.Expires > now)
        {
            _flows[key] = new Flow(now + repliedLifetime, Replied: true);
            return NatVerdict.Forward(packet);
        }

        return NatVerdict.Drop(packet, NatDropReason.Filtered);
    }

    /// <inheritdoc/>
    public void Reset()
    {
        _flows.Clear();
        _connections.Clear();
        _permits.Clear();
    }

    private NatVerdict FollowOutbound(Instant now, NatPacket packet)
    {
        var key = new FlowKey(packet.Source, packet.Destination);
        if (!TryFind(now, key, out var track))
        {
            bool adopts = Tcp.AdoptsStreams && (packet.Bits & (TcpBits.Syn | TcpBits.Reset)) == 0;
            if (!packet.IsSyn && !adopts) return NatVerdict.Drop(packet, NatDropReason.NoConnection);
            if (!MakeRoomForConnection(now)) return NatVerdict.Drop(packet, NatDropReason.TableFull);
            track = adopts ? TcpTrack.Adopted : new TcpTrack(openedOutside: false);
        }
        else if (!track.TryFollow(packet.Bits, fromInside: true, Tcp))
        {
            return NatVerdict.Drop(packet, NatDropReason.NoConnection);
        }

        Remember(now, key, track, permits: (packet.Bits & TcpBits.Syn) != 0);
        return NatVerdict.Forward(packet);
    }

    private NatVerdict FollowInbound(Instant now, NatPacket packet)
    {
        var key = new FlowKey(packet.Destination, packet.Source);
        bool known = TryFind(now, key, out var track);
        if (packet.IsError) return known ? NatVerdict.Forward(packet) : NatVerdict.Drop(packet, NatDropReason.NoConnection);
        if (known && !(packet.IsSyn && track.State == TcpState.Closed))
        {
            if (!track.TryFollow(packet.Bits, fromInside: false, Tcp)) return Refuse(packet, NatDropReason.NoConnection);
        }
        else if (!packet.IsSyn)
        {
            return NatVerdict.Drop(packet, NatDropReason.NoConnection);
        }
        else if (!_permits.TryGetValue(PermitKey(key), out var permitted) || permitted <= now)
        {
            return Refuse(packet, NatDropReason.Filtered);
        }
        else
        {
            if (!known && !MakeRoomForConnection(now)) return NatVerdict.Drop(packet, NatDropReason.TableFull);
            track = new TcpTrack(openedOutside: true);
        }

        Remember(now, key, track, permits: false);
        return NatVerdict.Forward(packet);
    }

    private NatVerdict Refuse(NatPacket packet, NatDropReason reason) =>
        packet.IsSyn ? NatVerdict.Refuse(packet, Tcp.UnsolicitedSyn, reason) : NatVerdict.Drop(packet, reason);

    private bool TryFind(Instant now, FlowKey key, out TcpTrack track)
    {
        bool found = _connections.TryGetValue(key, out var connection) && connection.Expires > now;
        track = connection.Track;
        return found;
    }

    private void Remember(Instant now, FlowKey key, TcpTrack track, bool permits)
    {
        var expires = now + Tcp.LifetimeIn(track.State);
        _connections[key] = new Connection(expires, track);
        var permit = PermitKey(key);
        bool known = _permits.TryGetValue(permit, out var until);
        if (track.State == TcpState.Closed && known) _permits[permit] = now;
        else if (permits || known) _permits[permit] = Instant.Max(until, expires);
    }

    private FlowKey PermitKey(FlowKey flow) => flow with { Remote = FilterKey(TcpFiltering, flow.Remote) };

    private bool MakeRoomForConnection(Instant now)
    {
        if (ConnectionCount < maxFlows) return true;
        foreach (var (key, connection) in _connections)
        {
            if (connection.Expires <= now) _connections.Remove(key);
        }

        foreach (var (key, expires) in _permits)
        {
            if (expires <= now) _permits.Remove(key);
        }

        return ConnectionCount < maxFlows;
    }

    private bool MakeRoom(Instant now)
    {
        if (_flows.Count < maxFlows) return true;
        foreach (var (key, flow) in _flows)
        {
            if (flow.Expires <= now) _flows.Remove(key);
        }

        return _flows.Count < maxFlows;
    }

    // With endpoint-independent filtering a host is open to all at a port once it has sent from it, which RFC 6092 allows.
    private static TransportAddress FilterKey(NatFiltering filtering, TransportAddress remote) => filtering switch
    {
        NatFiltering.EndpointIndependent => default,
        NatFiltering.AddressDependent => remote.Host,
        NatFiltering.AddressAndPortDependent => remote,
    };
}
