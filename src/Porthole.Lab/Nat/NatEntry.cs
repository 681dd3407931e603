using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>One mapping. It knows its place in the three lists it belongs to.</summary>
internal sealed class NatEntry(int id, InternalHost host, FlowKey key, TransportAddress external, bool detached)
{
    public int Id { get; } = id;

    public InternalHost Host { get; } = host;

    /// <summary>The internal endpoint, and the part of the remote that the mapping behaviour looks at.</summary>
    public FlowKey Key { get; } = key;

    public TransportAddress Internal => Key.Local;

    public TransportAddress External { get; } = external;

    /// <summary>Whether the mapping serves one session whose tuple clashed with another flow; it is not found by its key.</summary>
    public bool Detached { get; } = detached;

    /// <summary>When it ends: of idleness, or of age; when its lease does if it was asked for.</summary>
    public Instant Expires { get => IsPortMapping ? Latest : field; set => field = Instant.Min(value, Latest); }

    /// <summary>When it ends even if it is in use.</summary>
    public required Instant Latest { get; set; }

    /// <summary>Whether an endpoint inside asked for it: everybody is let in, and traffic does not change when it ends.</summary>
    public bool IsPortMapping { get; init; }

    public NatSession? Sessions { get; set; }

    public NatEntry? NextAtExternal { get; set; }

    public NatEntry? Older { get; set; }

    public NatEntry? Newer { get; set; }
}
