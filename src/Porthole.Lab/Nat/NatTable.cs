using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>
/// A UDP NAT as RFC 4787 describes them, every behaviour a parameter. Pure: time is an argument, chance comes from the source it is given, and state
/// that has expired is found out when it is next looked at.
/// </summary>
/// <remarks>
/// Three kinds of state. A <em>mapping</em> ties an internal endpoint to an external one. A <em>session</em> is a mapping and one remote endpoint; it
/// knows whether both sides have sent. A <em>permit</em> lets a remote address or endpoint in, through one mapping or through all of an endpoint's.
/// </remarks>
public sealed partial class NatTable : IMiddlebox
{
    private readonly NatProfile _profile;
    private readonly EntropySource _entropy;
    private readonly bool _overloads;

    /// <summary>Creates a NAT with an empty table.</summary>
    /// <param name="profile">How it behaves.</param>
    /// <param name="entropy">Chance, for random ports and addresses.</param>
    /// <param name="externalAddresses">Its external addresses, at least one; the ports do not matter.</param>
    public NatTable(NatProfile profile, EntropySource entropy, params ReadOnlySpan<TransportAddress> externalAddresses)
    {
        ArgumentNullException.ThrowIfNull(profile);
        ArgumentNullException.ThrowIfNull(entropy);
        if (externalAddresses.IsEmpty) throw new ArgumentException("A NAT has an external address.", nameof(externalAddresses));
        if (profile.Allocation is PortAllocation.Sequential { Step: 0 }) throw new ArgumentException("A step of 0 leads nowhere.", nameof(profile));
        if (profile.Allocation is PortAllocation.Block { Size: var size } && (size < 1 || size > profile.Ports.Count))
        {
            throw new ArgumentException("A port block fits into the port range.", nameof(profile));
        }

        var addresses = ImmutableArray.CreateBuilder<TransportAddress>(externalAddresses.Length);
        foreach (var address in externalAddresses) addresses.Add(address.Host);
        ExternalAddresses = addresses.MoveToImmutable();
        _profile = profile;
        _entropy = entropy;
        _overloads = profile.Allocation is PortAllocation.PreserveWithOverload;
        _lastPorts = new int[ExternalAddresses.Length];
        ResetPorts();
    }

    /// <summary>How this NAT behaves.</summary>
    public NatProfile Profile => _profile;

    /// <summary>Its external addresses, with port 0.</summary>
    public ImmutableArray<TransportAddress> ExternalAddresses { get; }

    /// <inheritdoc/>
    public NatVerdict TranslateOutbound(Instant now, NatPacket packet)
    {
        bool hairpin = IsExternal(packet.Destination);
        if (hairpin && _profile.Hairpinning == Hairpinning.None) return NatVerdict.Drop(packet, NatDropReason.NoHairpin);
        if (!TryGetOutboundSession(now, packet.Source, packet.Destination, out var session, out var reason)) return NatVerdict.Drop(packet, reason);

        var outside = new NatPacket(session.Entry.External, packet.Destination);
        if (!hairpin) return NatVerdict.Forward(outside);
        var inside = TranslateInbound(now, outside);
        if (!inside.IsTranslated) return NatVerdict.Drop(packet, inside.Reason);
        return NatVerdict.Hairpin(_profile.Hairpinning == Hairpinning.InternalSource ? inside.Packet with { Source = packet.Source } : inside.Packet);
    }

    /// <inheritdoc/>
    public NatVerdict TranslateInbound(Instant now, NatPacket packet)
    {
        var remote = packet.Source;
        var session = FindSession(_sessionsByExternal, now, new FlowKey(packet.Destination, remote));
        var entry = session is not null && IsPermitted(now, session.Entry, remote) ? session.Entry : FindAdmitting(now, packet.Destination, remote);
        if (entry is null)
        {
            bool mapped = HasLiveEntry(now, packet.Destination);
            if (_profile.RecordsUnsolicited && session is null) RecordUnsolicited(now, new FlowKey(packet.Destination, remote));
            return NatVerdict.Drop(packet, mapped ? NatDropReason.Filtered : NatDropReason.NoMapping);
        }

        if (session?.Entry != entry) session = null;
        if (session is { FromOutside: false }) session.Replied = true;
        if (_profile.Answers == AnswerRoute.SameSession)
        {
            // Without room for the session the packet still passes: the filter has admitted it.
            session ??= TryAddSession(now, entry, remote, fromOutside: true);
            if (session is not null) _sessionsByInternal[new FlowKey(entry.Internal, remote)] = session;
        }

        if (_profile.InboundRefresh) Refresh(now, entry, session);
        else if (session is { FromOutside: true }) session.Expires = now + _profile.UnrepliedLifetime;
        return NatVerdict.Forward(new NatPacket(remote, entry.Internal));
    }

    /// <inheritdoc/>
    public void Reset()
    {
        ResetState();
        ResetPorts();
    }

    private bool TryGetOutboundSession(
        Instant now, TransportAddress local, TransportAddress remote, [NotNullWhen(true)] out NatSession? session, out NatDropReason reason)
    {
        reason = NatDropReason.None;
        session = FindSession(_sessionsByInternal, now, new FlowKey(local, remote));
        if (session is null)
        {
            var entry = FindEntry(now, new FlowKey(local, MappingKey(remote)));
            bool clash = entry is not null && !IsTupleFree(now, entry.External, remote, local);
            if (entry is null || clash)
            {
                // A clash makes a mapping for this session alone, as a connection tracker does.
                entry = TryAddEntry(now, new FlowKey(local, clash ? remote : MappingKey(remote)), remote, clash, out reason);
                if (entry is null) return false;
            }

            session = TryAddSession(now, entry, remote, fromOutside: false);
            if (session is null)
            {
                reason = NatDropReason.TableFull;
                return false;
            }

            _sessionsByInternal[new FlowKey(local, remote)] = session;
        }
        else if (session.FromOutside)
        {
            session.Replied = true;
        }

        if (_profile.Filtering != NatFiltering.EndpointIndependent) Permit(now, session);
        Refresh(now, session.Entry, session);
        return true;
    }

    private TransportAddress MappingKey(TransportAddress remote) => _profile.Mapping switch
    {
        NatMapping.EndpointIndependent => default,
        NatMapping.AddressDependent => remote.Host,
        NatMapping.AddressAndPortDependent => remote,
    };

    private TransportAddress FilterKey(TransportAddress remote) => _profile.Filtering switch
    {
        NatFiltering.EndpointIndependent => default,
        NatFiltering.AddressDependent => remote.Host,
        NatFiltering.AddressAndPortDependent => remote,
    };

    private bool IsExternal(TransportAddress address)
    {
        foreach (var external in ExternalAddresses)
        {
            if (external.SameHost(address)) return true;
        }

        return false;
    }
}
