using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>What a NAT knows of one protocol.</summary>
/// <remarks>
/// Three kinds of state. A <em>mapping</em> ties an internal endpoint to an external one. A <em>session</em> is a mapping and one remote endpoint; it
/// knows whether both sides have sent, or how far a TCP connection is. A <em>permit</em> lets a remote address or endpoint in, through one mapping or
/// through all of an endpoint's.
/// </remarks>
internal sealed partial class TranslationTable
{
    private readonly NatProfile _profile;
    private readonly NatTcpProfile? _tcp;
    private readonly EntropySource _entropy;
    private readonly ImmutableArray<TransportAddress> _externalAddresses;
    private readonly TranslationTable? _other;
    private readonly bool _overloads;

    /// <summary>Creates an empty table.</summary>
    /// <param name="profile">How it behaves.</param>
    /// <param name="entropy">Chance, for random ports and addresses.</param>
    /// <param name="externalAddresses">The NAT's addresses, with port 0.</param>
    /// <param name="tcp">How connections are tracked; null for UDP.</param>
    /// <param name="other">The same NAT's table of the other protocol, which may know a host's address already.</param>
    public TranslationTable(
        NatProfile profile,
        EntropySource entropy,
        ImmutableArray<TransportAddress> externalAddresses,
        NatTcpProfile? tcp = null,
        TranslationTable? other = null)
    {
        _profile = profile;
        _tcp = tcp;
        _entropy = entropy;
        _externalAddresses = externalAddresses;
        _other = other;
        _overloads = profile.Allocation is PortAllocation.PreserveWithOverload;
        _lastPorts = new int[externalAddresses.Length];
        ResetPorts();
    }

    public NatVerdict TranslateOutbound(Instant now, NatPacket packet)
    {
        bool hairpin = IsExternal(packet.Destination);
        if (hairpin && _profile.Hairpinning == Hairpinning.None) return NatVerdict.Drop(packet, NatDropReason.NoHairpin);
        if (packet.IsError) return TranslateOutboundError(now, packet);
        NatSession? session;
        if (_tcp is null)
        {
            if (!TryGetOutboundSession(now, packet.Source, packet.Destination, out session, out var reason)) return NatVerdict.Drop(packet, reason);
            Follow(now, session);
        }
        else if (!TryFollowOutbound(now, packet, out session, out var reason))
        {
            return NatVerdict.Drop(packet, reason);
        }

        var outside = packet with { Source = session.Entry.External };
        if (!hairpin) return NatVerdict.Forward(outside);
        var inside = TranslateInbound(now, outside);
        if (!inside.IsTranslated) return inside with { Packet = packet };
        return NatVerdict.Hairpin(_profile.Hairpinning == Hairpinning.InternalSource ? inside.Packet with { Source = packet.Source } : inside.Packet);
    }

    public NatVerdict TranslateInbound(Instant now, NatPacket packet)
    {
        if (packet.IsError) return TranslateInboundError(now, packet);
        return _tcp is null ? TranslateInboundDatagram(now, packet) : TranslateInboundSegment(now, packet);
    }

    public void Reset()
    {
        ResetState();
        ResetPorts();
        ResetForeign();
    }

    private NatVerdict TranslateInboundDatagram(Instant now, NatPacket packet)
    {
        var remote = packet.Source;
        var session = FindSession(_sessionsByExternal, now, new FlowKey(packet.Destination, remote));
        var entry = session is not null && IsPermitted(now, session.Entry, remote) ? session.Entry : FindAdmitting(now, packet.Destination, remote);
        if (entry is null)
        {
            bool mapped = HasLiveEntry(now, packet.Destination);
            if (_profile.RecordsUnsolicited && session is null) RecordUnsolicited(now, new FlowKey(packet.Destination, remote));
            return new NatVerdict(_profile.RejectsDatagrams ? NatAction.PortUnreachable : NatAction.Drop, packet, mapped ? NatDropReason.Filtered : NatDropReason.NoMapping);
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
        return NatVerdict.Forward(packet with { Destination = entry.Internal });
    }

    // An error about what an inside endpoint has sent changes nothing (RFC 5382 REQ-10, RFC 5508 REQ-4).
    private NatVerdict TranslateInboundError(Instant now, NatPacket packet) =>
        FindSession(_sessionsByExternal, now, new FlowKey(packet.Destination, packet.Source)) is { } session
            ? NatVerdict.Forward(packet with { Destination = session.Entry.Internal })
            : NatVerdict.Drop(packet, NatDropReason.NoMapping);

    private NatVerdict TranslateOutboundError(Instant now, NatPacket packet) =>
        FindSession(_sessionsByInternal, now, new FlowKey(packet.Source, packet.Destination)) is { } session
            ? NatVerdict.Forward(packet with { Source = session.Entry.External })
            : NatVerdict.Drop(packet, NatDropReason.NoMapping);

    private bool TryGetOutboundSession(
        Instant now, TransportAddress local, TransportAddress remote, [NotNullWhen(true)] out NatSession? session, out NatDropReason reason)
    {
        reason = NatDropReason.None;
        session = FindSession(_sessionsByInternal, now, new FlowKey(local, remote));
        if (session is null)
        {
            var entry = FindPortMapping(now, local) ?? FindEntry(now, new FlowKey(local, MappingKey(remote)));
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

        return true;
    }

    private void Follow(Instant now, NatSession session)
    {
        if (_profile.Filtering != NatFiltering.EndpointIndependent) Permit(now, session);
        Refresh(now, session.Entry, session);
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
        foreach (var external in _externalAddresses)
        {
            if (external.SameHost(address)) return true;
        }

        return false;
    }
}
