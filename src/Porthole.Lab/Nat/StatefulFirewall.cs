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

    private readonly Dictionary<FlowKey, Flow> _flows = [];

    /// <summary>Creates a firewall with the times of Linux: 30 s and 120 s.</summary>
    public StatefulFirewall(NatFiltering filtering = NatFiltering.AddressAndPortDependent)
        : this(filtering, TimeSpan.FromSeconds(30), TimeSpan.FromSeconds(120))
    {
    }

    /// <summary>Who is let in.</summary>
    public NatFiltering Filtering => filtering;

    /// <summary>How many flows are remembered; some may have expired.</summary>
    public int FlowCount => _flows.Count;

    /// <inheritdoc/>
    public NatVerdict TranslateOutbound(Instant now, NatPacket packet)
    {
        var key = new FlowKey(packet.Source, FilterKey(packet.Destination));
        if (!_flows.TryGetValue(key, out var flow) && !MakeRoom(now)) return NatVerdict.Drop(packet, NatDropReason.TableFull);
        bool replied = flow.Replied && flow.Expires > now;
        _flows[key] = new Flow(now + (replied ? repliedLifetime : unrepliedLifetime), replied);
        return NatVerdict.Forward(packet);
    }

    /// <inheritdoc/>
    public NatVerdict TranslateInbound(Instant now, NatPacket packet)
    {
        var key = new FlowKey(packet.Destination, FilterKey(packet.Source));
        if (_flows.TryGetValue(key, out var flow) && flow.Expires > now)
        {
            _flows[key] = new Flow(now + repliedLifetime, Replied: true);
            return NatVerdict.Forward(packet);
        }

        return NatVerdict.Drop(packet, NatDropReason.Filtered);
    }

    /// <inheritdoc/>
    public void Reset() => _flows.Clear();

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
    private TransportAddress FilterKey(TransportAddress remote) => filtering switch
    {
        NatFiltering.EndpointIndependent => default,
        NatFiltering.AddressDependent => remote.Host,
        NatFiltering.AddressAndPortDependent => remote,
    };
}
