using Porthole.Protocol;

namespace Porthole.Lab.Nat;

// What the NAT remembers, how it forgets, and how it stays bounded.
internal sealed partial class TranslationTable
{
    private readonly record struct PermitKey(int Entry, TransportAddress Internal, TransportAddress Remote);

    private const int FirstSweep = 256;

    private readonly Dictionary<FlowKey, NatEntry> _entriesByKey = [];
    private readonly Dictionary<TransportAddress, NatEntry> _entriesByExternal = [];
    private readonly Dictionary<FlowKey, NatSession> _sessionsByInternal = [];
    private readonly Dictionary<FlowKey, NatSession> _sessionsByExternal = [];
    private readonly Dictionary<PermitKey, Instant> _permits = [];
    private readonly Dictionary<FlowKey, Instant> _unsolicited = [];
    private readonly Dictionary<TransportAddress, InternalHost> _hosts = [];
    private NatEntry? _oldest;
    private NatEntry? _newest;
    private int _entryCount;
    private int _lastId;
    private int _nextSweep = FirstSweep;

    public int MappingCount => _entryCount;

    public int StateCount => Math.Max(_sessionsByExternal.Count, Math.Max(_permits.Count, _unsolicited.Count));

    public IReadOnlyList<NatMappingInfo> GetMappings(Instant now)
    {
        var mappings = new List<NatMappingInfo>();
        for (var entry = _oldest; entry is not null; entry = entry.Newer)
        {
            if (entry.Expires > now) mappings.Add(new NatMappingInfo(entry.Internal, entry.External, entry.Key.Remote, entry.Expires));
        }

        return mappings;
    }

    private static NatSession? FindSession(Dictionary<FlowKey, NatSession> sessions, Instant now, FlowKey key) =>
        sessions.TryGetValue(key, out var session) && session.IsLive(now) ? session : null;

    private NatEntry? FindEntry(Instant now, FlowKey key)
    {
        if (!_entriesByKey.TryGetValue(key, out var entry)) return null;
        if (entry.Expires > now) return entry;
        RemoveEntry(entry);
        return null;
    }

    private bool HasLiveEntry(Instant now, TransportAddress external)
    {
        bool live = false;
        for (var entry = _entriesByExternal.GetValueOrDefault(external); entry is not null;)
        {
            var next = entry.NextAtExternal;
            if (entry.Expires > now) live = true;
            else RemoveEntry(entry);
            entry = next;
        }

        return live;
    }

    private NatEntry? FindAdmitting(Instant now, TransportAddress external, TransportAddress remote)
    {
        for (var entry = _entriesByExternal.GetValueOrDefault(external); entry is not null; entry = entry.NextAtExternal)
        {
            if (entry.Expires > now && IsPermitted(now, entry, remote)) return entry;
        }

        return null;
    }

    private bool IsPermitted(Instant now, NatEntry entry, TransportAddress remote) =>
        _profile.Filtering == NatFiltering.EndpointIndependent
        || entry.IsPortMapping
        || (_permits.TryGetValue(KeyOfPermit(entry, remote), out var expires) && expires > now);

    private PermitKey KeyOfPermit(NatEntry entry, TransportAddress remote) =>
        new(_profile.FilterScope == FilterScope.PerMapping ? entry.Id : 0, entry.Internal, FilterKey(remote));

    private void Permit(Instant now, NatSession session) =>
        _permits.TryAdd(KeyOfPermit(session.Entry, session.Remote), now); // Refresh gives it its time

    // A 5-tuple outside belongs to one internal endpoint, or to a flow that the NAT believes to end at itself.
    private bool IsTupleFree(Instant now, TransportAddress external, TransportAddress remote, TransportAddress local)
    {
        var tuple = new FlowKey(external, remote);
        if (FindSession(_sessionsByExternal, now, tuple) is { } session && session.Entry.Internal != local) return false;
        return !_unsolicited.TryGetValue(tuple, out var expires) || expires <= now;
    }

    private void RecordUnsolicited(Instant now, FlowKey flow)
    {
        if (_unsolicited.Count >= _profile.MaxSessions) Sweep(now);
        if (_unsolicited.Count < _profile.MaxSessions || _unsolicited.ContainsKey(flow)) _unsolicited[flow] = now + _profile.UnrepliedLifetime;
    }

    private void Refresh(Instant now, NatEntry entry, NatSession? session) =>
        Prolong(entry, session, now + (session is { Replied: true } ? _profile.RepliedLifetime : _profile.UnrepliedLifetime));

    private void Prolong(NatEntry entry, NatSession? session, Instant expires)
    {
        entry.Expires = Instant.Max(entry.Expires, expires);
        if (entry != _newest)
        {
            Unlink(entry);
            Append(entry);
        }

        if (session is null) return;
        session.Expires = expires;
        if (_profile.Filtering == NatFiltering.EndpointIndependent) return;
        ref var permit = ref System.Runtime.InteropServices.CollectionsMarshal.GetValueRefOrNullRef(_permits, KeyOfPermit(entry, session.Remote));
        if (!System.Runtime.CompilerServices.Unsafe.IsNullRef(ref permit)) permit = Instant.Max(permit, expires);
    }

    private NatEntry? TryAddEntry(Instant now, FlowKey key, TransportAddress remote, bool detached, out NatDropReason reason)
    {
        if (_entryCount >= _nextSweep) Sweep(now);
        if (!MakeRoom(now, key.Local.Host, out reason)) return null;
        var host = GetHost(key.Local.Host);
        if (!TryAllocatePort(now, host, key.Local, remote, out var external))
        {
            if (host.Count == 0) _hosts.Remove(key.Local.Host);
            reason = NatDropReason.NoFreePort;
            return null;
        }

        var latest = _profile.MaxMappingAge is { } age ? now + age : Instant.Never;
        var entry = new NatEntry(++_lastId, host, key, external, detached) { Latest = latest, Expires = now + _profile.UnrepliedLifetime };
        if (!detached) _entriesByKey[key] = entry;
        Add(entry);
        return entry;
    }

    private void Add(NatEntry entry)
    {
        entry.NextAtExternal = _entriesByExternal.GetValueOrDefault(entry.External);
        _entriesByExternal[entry.External] = entry;
        Append(entry);
        entry.Host.Count++;
        _entryCount++;
    }

    private InternalHost GetHost(TransportAddress address)
    {
        if (_hosts.TryGetValue(address, out var host)) return host;
        host = new InternalHost(ChooseAddress(address));
        _hosts.Add(address, host);
        return host;
    }

    // What was asked for does not give way to what was not.
    private NatEntry? FindOldest()
    {
        var entry = _oldest;
        while (entry is { IsPortMapping: true }) entry = entry.Newer;
        return entry;
    }

    // A host has one address for both protocols.
    private int ChooseAddress(TransportAddress host)
    {
        if (_externalAddresses.Length == 1) return 0;
        return _other is not null && _other._hosts.TryGetValue(host, out var known) ? known.AddressIndex : _entropy.NextInt32(0, _externalAddresses.Length);
    }

    private bool MakeRoom(Instant now, TransportAddress host, out NatDropReason reason)
    {
        reason = NatDropReason.None;
        if (_hosts.TryGetValue(host, out var known) && known.Count >= _profile.MaxMappingsPerHost)
        {
            SweepHost(now, host, evict: _profile.WhenFull == NatOverflow.EvictOldest);
            if (known.Count >= _profile.MaxMappingsPerHost) reason = NatDropReason.HostFull;
        }
        else if (_entryCount >= _profile.MaxMappings)
        {
            if (_profile.WhenFull == NatOverflow.EvictOldest && FindOldest() is { } oldest) RemoveEntry(oldest);
            else Sweep(now);
            if (_entryCount >= _profile.MaxMappings) reason = NatDropReason.TableFull;
        }

        return reason == NatDropReason.None;
    }

    private NatSession? TryAddSession(Instant now, NatEntry entry, TransportAddress remote, bool fromOutside)
    {
        var tuple = new FlowKey(entry.External, remote);
        if (_sessionsByExternal.TryGetValue(tuple, out var session))
        {
            if (session.IsLive(now) && session.Entry == entry) return session;
            RemoveSession(session);
        }

        if (StateCount >= _profile.MaxSessions)
        {
            Sweep(now);
            bool evicts = StateCount >= _profile.MaxSessions && _profile.WhenFull == NatOverflow.EvictOldest;
            if (evicts && FindOldest() is { } oldest && oldest != entry) RemoveEntry(oldest);
            if (StateCount >= _profile.MaxSessions) return null;
        }

        session = new NatSession(entry, remote, fromOutside) { NextInEntry = entry.Sessions, Expires = now + _profile.UnrepliedLifetime };
        entry.Sessions = session;
        _sessionsByExternal[tuple] = session;
        return session;
    }

    private void RemoveSession(NatSession session)
    {
        var entry = session.Entry;
        if (entry.Sessions == session)
        {
            entry.Sessions = session.NextInEntry;
        }
        else
        {
            for (var previous = entry.Sessions; previous is not null; previous = previous.NextInEntry)
            {
                if (previous.NextInEntry == session) previous.NextInEntry = session.NextInEntry;
            }
        }

        Forget(session);
    }

    private void Forget(NatSession session)
    {
        RemoveIfSame(_sessionsByExternal, new FlowKey(session.Entry.External, session.Remote), session);
        RemoveIfSame(_sessionsByInternal, new FlowKey(session.Entry.Internal, session.Remote), session);
    }

    private static void RemoveIfSame<TKey, TValue>(Dictionary<TKey, TValue> table, TKey key, TValue value)
        where TKey : notnull
        where TValue : class
    {
        if (table.TryGetValue(key, out var found) && found == value) table.Remove(key);
    }

    private void RemoveEntry(NatEntry entry)
    {
        for (var session = entry.Sessions; session is not null; session = session.NextInEntry)
        {
            Forget(session);
            if (_profile.FilterScope == FilterScope.PerMapping) _permits.Remove(KeyOfPermit(entry, session.Remote));
        }

        if (!entry.Detached) RemoveIfSame(_entriesByKey, entry.Key, entry);
        var first = _entriesByExternal[entry.External];
        if (first != entry)
        {
            while (first.NextAtExternal != entry) first = first.NextAtExternal!;
            first.NextAtExternal = entry.NextAtExternal;
        }
        else if (entry.NextAtExternal is { } next)
        {
            _entriesByExternal[entry.External] = next;
        }
        else
        {
            _entriesByExternal.Remove(entry.External);
        }

        if (entry.IsPortMapping) _portMappings.Remove(entry);
        Unlink(entry);
        _entryCount--;
        if (--entry.Host.Count > 0) return;
        ReleaseBlocks(entry.Host);
        _hosts.Remove(entry.Internal.Host);
    }

    private void SweepHost(Instant now, TransportAddress host, bool evict)
    {
        for (var entry = _oldest; entry is not null;)
        {
            var next = entry.Newer;
            if (entry.Internal.SameHost(host) && ((evict && !entry.IsPortMapping) || entry.Expires <= now))
            {
                RemoveEntry(entry);
                evict = false; // one is enough; the others go if they have expired
            }

            entry = next;
        }
    }

    // The cost is spread: the next sweep comes when the table has doubled, or when something is full.
    private void Sweep(Instant now)
    {
        for (var entry = _oldest; entry is not null;)
        {
            var next = entry.Newer;
            if (entry.Expires <= now) RemoveEntry(entry);
            entry = next;
        }

        foreach (var (_, session) in _sessionsByExternal)
        {
            if (session.Expires <= now) RemoveSession(session);
        }

        foreach (var (key, expires) in _permits)
        {
            if (expires <= now) _permits.Remove(key);
        }

        foreach (var (key, expires) in _unsolicited)
        {
            if (expires <= now) _unsolicited.Remove(key);
        }

        _nextSweep = Math.Max(FirstSweep, 2 * _entryCount);
    }

    private void Append(NatEntry entry)
    {
        entry.Older = _newest;
        if (_newest is not null) _newest.Newer = entry;
        else _oldest = entry;
        _newest = entry;
    }

    private void Unlink(NatEntry entry)
    {
        if (entry.Older is not null) entry.Older.Newer = entry.Newer;
        else _oldest = entry.Newer;
        if (entry.Newer is not null) entry.Newer.Older = entry.Older;
        else _newest = entry.Older;
        entry.Older = entry.Newer = null;
    }

    private void ResetState()
    {
        _entriesByKey.Clear();
        _entriesByExternal.Clear();
        _sessionsByInternal.Clear();
        _sessionsByExternal.Clear();
        _permits.Clear();
        _unsolicited.Clear();
        _hosts.Clear();
        _usedBlocks.Clear();
        _portMappings.Clear();
        (_oldest, _newest, _entryCount, _nextSweep) = (null, null, 0, FirstSweep);
    }
}
