using System.Collections.Immutable;

namespace Porthole.Protocol.Rendezvous;

/// <summary>What a peer tells the server about itself; told again after each reconnect.</summary>
public sealed record Registration
{
    /// <summary>The name to be found by; null for none.</summary>
    /// <exception cref="ArgumentException">The name breaks <see cref="PeerName.IsValid"/>.</exception>
    public string? Name
    {
        get;
        init => field = value is null || PeerName.IsValid(value) ? value : throw new ArgumentException(RendezvousError.InvalidName.Text, nameof(value));
    }

    /// <summary>Whose connections to take.</summary>
    public AcceptPolicy Accept { get; init; } = AcceptPolicy.Anyone;

    /// <summary>The peers that <see cref="AcceptPolicy.Known"/> lets in, and <see cref="AcceptPolicy.Ask"/> lets in unasked; at most 256.</summary>
    /// <exception cref="ArgumentException">There are too many.</exception>
    public ImmutableArray<PeerId> Allowed { get; init => field = Checked(value); } = [];

    /// <summary>Who sees this peer online.</summary>
    public PresenceMode Presence { get; init; }

    /// <summary>The room of <see cref="PresenceMode.Room"/>, 1 to 64 characters without control characters; else null.</summary>
    public string? Room { get; init; }

    /// <summary>The peers of <see cref="PresenceMode.Known"/>; at most 256.</summary>
    /// <exception cref="ArgumentException">There are too many.</exception>
    public ImmutableArray<PeerId> KnownPeers { get; init => field = Checked(value); } = [];

    /// <summary>The candidates; at most 20.</summary>
    /// <exception cref="ArgumentException">There are too many.</exception>
    public ImmutableArray<CandidateInfo> Candidates
    {
        get;
        init => field = !value.IsDefault && value.Length <= RendezvousLimits.MaxCandidates
            ? value
            : throw new ArgumentException("A peer has at most 20 candidates.", nameof(value));
    } = [];

    /// <summary>What is known about the NAT.</summary>
    public NatFacts Nat { get; init; } = NatFacts.Unknown;

    private static ImmutableArray<PeerId> Checked(ImmutableArray<PeerId> peers) => !peers.IsDefault && peers.Length <= RendezvousLimits.MaxListedPeers
        ? peers
        : throw new ArgumentException("A list of peers has at most 256 entries.", nameof(peers));
}
