using System.Collections.Immutable;
using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>
/// A NAT as RFC 4787 (UDP) and RFC 5382 (TCP) describe them, every behaviour a parameter. Pure: time is an argument, chance comes from the source it is
/// given, and state that has expired is found out when it is next looked at.
/// </summary>
/// <remarks>UDP and TCP have ports, mappings and limits of their own.</remarks>
public sealed class NatTable : IMiddlebox
{
    private readonly EntropySource _entropy;
    private readonly TranslationTable _udp;
    private TranslationTable? _tcp;

    /// <summary>Creates a NAT with an empty table.</summary>
    /// <param name="profile">How it behaves.</param>
    /// <param name="entropy">Chance, for random ports and addresses.</param>
    /// <param name="externalAddresses">Its external addresses, at least one; the ports do not matter.</param>
    public NatTable(NatProfile profile, EntropySource entropy, params ReadOnlySpan<TransportAddress> externalAddresses)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(entropy);
        if (externalAddresses.IsEmpty) throw new ArgumentException("A NAT has an external address.", nameof(externalAddresses));
        Check(profile.Allocation, profile);
        if (profile.Tcp?.Allocation is { } allocation) Check(allocation, profile);
        var addresses = ImmutableArray.CreateBuilder<TransportAddress>(externalAddresses.Length);
        foreach (var address in externalAddresses) addresses.Add(address.Host);
        ExternalAddresses = addresses.MoveToImmutable();
        Profile = profile;
        _entropy = entropy;
        _udp = new TranslationTable(profile, entropy, ExternalAddresses);
    }

    /// <summary>How this NAT behaves.</summary>
    public NatProfile Profile { get; }

    /// <summary>Its external addresses, with port 0.</summary>
    public ImmutableArray<TransportAddress> ExternalAddresses { get; }

    /// <summary>How many mappings the table holds; some may have expired without having been looked at since.</summary>
    public int MappingCount => _udp.MappingCount + (_tcp?.MappingCount ?? 0);

    /// <summary>How many sessions, permits or remembered unsolicited flows the table holds, whatever is most; some may have expired.</summary>
    public int StateCount => _udp.StateCount + (_tcp?.StateCount ?? 0);

    // Most simulations never see a TCP segment.
    private TranslationTable Tcp => _tcp ??= new TranslationTable(Profile.ForTcp(), _entropy, ExternalAddresses, Profile.Tcp ?? NatTcpProfile.Default, _udp);

    /// <summary>The live mappings, the one that was used longest ago first.</summary>
    /// <param name="now">The time.</param>
    /// <param name="protocol">Of which protocol.</param>
    public IReadOnlyList<NatMappingInfo> GetMappings(Instant now, NatProtocol protocol = NatProtocol.Udp) =>
        Of(protocol).GetMappings(now);

    /// <inheritdoc/>
    public NatVerdict TranslateOutbound(Instant now, NatPacket packet) =>
        Of(packet.Protocol).TranslateOutbound(now, packet);

    /// <inheritdoc/>
    public NatVerdict TranslateInbound(Instant now, NatPacket packet) =>
        Of(packet.Protocol).TranslateInbound(now, packet);

    /// <summary>
    /// Maps an external port to an endpoint inside on request, as gateways do by PCP, NAT-PMP and UPnP: everybody outside is let in, and what the endpoint
    /// sends to new remotes leaves from that port. A request for an endpoint that has such a mapping renews it.
    /// </summary>
    /// <param name="now">The time.</param>
    /// <param name="protocol">The protocol.</param>
    /// <param name="inside">The endpoint inside.</param>
    /// <param name="port">The wanted external port, 0 for any; another is given when it is taken.</param>
    /// <param name="lease">How long the mapping lives.</param>
    /// <param name="external">The external endpoint, when there is one.</param>
    /// <returns>False when the NAT has no room or no port.</returns>
    public bool TryAddPortMapping(
        Instant now, NatProtocol protocol, TransportAddress inside, ushort port, TimeSpan lease, out TransportAddress external) =>
        Of(protocol).TryAddPortMapping(now, inside, port, lease, out external);

    /// <summary>Ends the mapping that an endpoint inside asked for.</summary>
    /// <param name="now">The time.</param>
    /// <param name="protocol">The protocol.</param>
    /// <param name="inside">The endpoint inside.</param>
    /// <returns>False when there was none.</returns>
    public bool RemovePortMapping(Instant now, NatProtocol protocol, TransportAddress inside) => Of(protocol).RemovePortMapping(now, inside);

    /// <summary>The live mappings that were asked for.</summary>
    /// <param name="now">The time.</param>
    /// <param name="protocol">Of which protocol.</param>
    public IReadOnlyList<NatMappingInfo> GetPortMappings(Instant now, NatProtocol protocol = NatProtocol.Udp) => Of(protocol).GetPortMappings(now);

    /// <inheritdoc/>
    public void Reset()
    {
        _udp.Reset();
        _tcp?.Reset();
    }

    private TranslationTable Of(NatProtocol protocol) => protocol == NatProtocol.Udp ? _udp : Tcp;

    private static void Check(PortAllocation allocation, NatProfile profile)
    {
        if (allocation is PortAllocation.Sequential { Step: 0 }) throw new ArgumentException("A step of 0 leads nowhere.", nameof(profile));
        if (allocation is PortAllocation.Block { Size: var size } && (size < 1 || size > profile.Ports.Count))
        {
            throw new ArgumentException("A port block fits into the port range.", nameof(profile));
        }
    }
}
