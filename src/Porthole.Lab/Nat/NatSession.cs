using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>One mapping in conversation with one remote endpoint.</summary>
internal sealed class NatSession(NatEntry entry, TransportAddress remote, bool fromOutside)
{
    private TcpTrack _track = new(fromOutside);

    public NatEntry Entry { get; } = entry;

    public TransportAddress Remote { get; } = remote;

    /// <summary>Whether the remote sent first.</summary>
    public bool FromOutside { get; } = fromOutside;

    /// <summary>Whether both sides have sent.</summary>
    public bool Replied { get; set; }

    public Instant Expires { get; set; }

    /// <summary>The connection, if this is TCP.</summary>
    public ref TcpTrack Track => ref _track;

    public NatSession? NextInEntry { get; set; }

    public bool IsLive(Instant now) => Expires > now && Entry.Expires > now;
}
