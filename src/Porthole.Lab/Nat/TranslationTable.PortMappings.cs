using Porthole.Protocol;

namespace Porthole.Lab.Nat;

// Mappings that an endpoint inside has asked for (RFC 6887 section 2.2: explicit mappings).
internal sealed partial class TranslationTable
{
    private readonly List<NatEntry> _portMappings = [];

    public bool TryAddPortMapping(Instant now, TransportAddress inside, ushort port, TimeSpan lease, out TransportAddress external)
    {
        if (FindPortMapping(now, inside) is { } known)
        {
            (known.Latest, external) = (now + lease, known.External);
            return true;
        }

        external = default;
        if (!MakeRoom(now, inside.Host, out _)) return false;
        var host = GetHost(inside.Host);
        if (!TryChoosePort(now, host, inside, port, out external))
        {
            if (host.Count == 0) _hosts.Remove(inside.Host);
            return false;
        }

        var entry = new NatEntry(++_lastId, host, new FlowKey(inside, default), external, detached: true) { Latest = now + lease, IsPortMapping = true };
        Add(entry);
        _portMappings.Add(entry);
        return true;
    }

    public bool RemovePortMapping(Instant now, TransportAddress inside)
    {
        if (FindPortMapping(now, inside) is not { } entry) return false;
        RemoveEntry(entry);
        return true;
    }

    public IReadOnlyList<NatMappingInfo> GetPortMappings(Instant now) =>
    [
        .. _portMappings.Where(entry => entry.Expires > now).Select(static entry => new NatMappingInfo(entry.Internal, entry.External, default, entry.Expires)),
    ];

    private NatEntry? FindPortMapping(Instant now, TransportAddress inside)
    {
        foreach (var entry in _portMappings)
        {
            if (entry.Internal != inside) continue;
            if (entry.Expires > now) return entry;
            RemoveEntry(entry);
            return null;
        }

        return null;
    }

    // The wanted port may be one that the endpoint has already, for other reasons.
    private bool TryChoosePort(Instant now, InternalHost host, TransportAddress inside, ushort port, out TransportAddress external)
    {
        external = _externalAddresses[host.AddressIndex].WithPort(port);
        return (port != 0 && IsOwn(now, external, inside)) || TryDraw(now, host.AddressIndex, _profile.Ports, inside, default, out external);
    }

    private bool IsOwn(Instant now, TransportAddress external, TransportAddress inside)
    {
        if (!HasLiveEntry(now, external)) return !IsForeign(now, external);
        for (var entry = _entriesByExternal.GetValueOrDefault(external); entry is not null; entry = entry.NextAtExternal)
        {
            if (entry.Internal != inside) return false;
        }

        return true;
    }
}
