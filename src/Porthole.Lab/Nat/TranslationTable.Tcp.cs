using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;

namespace Porthole.Lab.Nat;

// Connections (RFC 5382): what the table of TCP does that the table of UDP does not.
internal sealed partial class TranslationTable
{
    private bool TryFollowOutbound(Instant now, NatPacket packet, [NotNullWhen(true)] out NatSession? session, out NatDropReason reason)
    {
        session = FindSession(_sessionsByInternal, now, new FlowKey(packet.Source, packet.Destination));
        if (session is null)
        {
            reason = NatDropReason.NoConnection;
            bool adopts = _tcp!.AdoptsStreams && (packet.Bits & (TcpBits.Syn | TcpBits.Reset)) == 0;
            if (!packet.IsSyn && !adopts) return false;
            if (!TryGetOutboundSession(now, packet.Source, packet.Destination, out session, out reason)) return false;
            if (adopts) session.Track = TcpTrack.Adopted;
        }
        else
        {
            reason = NatDropReason.NoConnection;
            if (!session.Track.TryFollow(packet.Bits, fromInside: true, _tcp!)) return false;
        }

        // The inside wants this remote when it sends it a SYN, or takes its.
        if (_profile.Filtering != NatFiltering.EndpointIndependent && (packet.Bits & TcpBits.Syn) != 0) Permit(now, session);
        Follow(now, session, packet.Bits);
        return true;
    }

    private NatVerdict TranslateInboundSegment(Instant now, NatPacket packet)
    {
        var flow = new FlowKey(packet.Destination, packet.Source);
        var session = FindSession(_sessionsByExternal, now, flow);
        if (session is not null && !(packet.IsSyn && session.Track.State == TcpState.Closed))
        {
            if (!session.Track.TryFollow(packet.Bits, fromInside: false, _tcp!)) return Refuse(packet, NatDropReason.NoConnection);
        }
        else if (!packet.IsSyn)
        {
            return NatVerdict.Drop(packet, HasLiveEntry(now, packet.Destination) ? NatDropReason.NoConnection : NatDropReason.NoMapping);
        }
        else
        {
            var entry = FindAdmitting(now, packet.Destination, packet.Source);
            if (entry is null)
            {
                // A router that answers takes the connection as ended by its own answer.
                if (_profile.RecordsUnsolicited && session is null && _tcp!.UnsolicitedSyn == UnsolicitedSyn.Drop) RecordUnsolicited(now, flow);
                return Refuse(packet, HasLiveEntry(now, packet.Destination) ? NatDropReason.Filtered : NatDropReason.NoMapping);
            }

            if (session is not null) RemoveSession(session);
            session = TryAddSession(now, entry, packet.Source, fromOutside: true);
            if (session is null) return NatVerdict.Drop(packet, NatDropReason.TableFull); // without a session there is no way for the answer
        }

        var inside = session.Entry.Internal;
        _sessionsByInternal[new FlowKey(inside, packet.Source)] = session;
        Follow(now, session, packet.Bits);
        return NatVerdict.Forward(packet with { Destination = inside });
    }

    private NatVerdict Refuse(NatPacket packet, NatDropReason reason) =>
        packet.IsSyn ? NatVerdict.Refuse(packet, _tcp!.UnsolicitedSyn, reason) : NatVerdict.Drop(packet, reason);

    private void Follow(Instant now, NatSession session, TcpBits bits)
    {
        var entry = session.Entry;
        var state = session.Track.State;
        if (state == TcpState.Closed && _tcp!.Resets == TcpResetEffect.EndsMapping && (bits & TcpBits.Reset) != 0)
        {
            if (entry.IsPortMapping) RemoveSession(session);
            else RemoveEntry(entry);
            return;
        }

        Prolong(entry, session, now + _tcp!.LifetimeIn(state));
        if (state is not (TcpState.Closing or TcpState.Closed)) return;

        // A mapping lives as long as its longest session.
        if (state == TcpState.Closed && _permits.ContainsKey(KeyOfPermit(entry, session.Remote))) _permits[KeyOfPermit(entry, session.Remote)] = now;
        var last = Instant.Zero;
        for (var other = entry.Sessions; other is not null; other = other.NextInEntry) last = Instant.Max(last, other.Expires);
        entry.Expires = Instant.Min(entry.Expires, last);
    }
}
