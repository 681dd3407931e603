using System.Text.Json.Serialization;

namespace Porthole.Protocol.Rendezvous;

/// <summary>What a candidate is (RFC 8445 section 4).</summary>
public enum CandidateKind
{
    /// <summary>An address of the host itself.</summary>
    Host,

    /// <summary>An address that a NAT gave, as a server saw it; or one that the NAT is expected to give.</summary>
    ServerReflexive,
}

/// <summary>How a candidate is reached (RFC 8445 section 5.1.1, RFC 6544 section 4.1).</summary>
public enum CandidateTransport
{
    /// <summary>UDP.</summary>
    Udp,

    /// <summary>TCP, by simultaneous open.</summary>
    TcpSimultaneous,

    /// <summary>TCP, listening.</summary>
    TcpPassive,

    /// <summary>TCP, connecting.</summary>
    TcpActive,
}

/// <summary>A candidate as it is registered and handed out.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Transport">How it is reached.</param>
/// <param name="Address">The address that the other side may send to.</param>
/// <param name="Base">The local address it belongs to (RFC 8445 section 4); only the owner and the server know it: default in what a peer receives.</param>
/// <param name="Priority">RFC 8445 section 5.1.2.</param>
/// <param name="Foundation">RFC 8445 section 5.1.1.3: 1 to 32 ice-chars.</param>
/// <param name="Proof">The token from a STUN answer that proves <see cref="Address"/>; empty for host candidates and in what a peer receives.</param>
public sealed record CandidateInfo(
    CandidateKind Kind,
    CandidateTransport Transport,
    TransportAddress Address,
    TransportAddress Base,
    uint Priority,
    string Foundation,
    ReadOnlyMemory<byte> Proof = default)
{
    /// <summary>What the receiver is to do with it.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public CandidatePurpose Purpose { get; init; }

    /// <summary>Which try of a method it belongs to, from 1 to <see cref="RendezvousLimits.MaxRounds"/>; 0 with <see cref="CandidatePurpose.Check"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public int Round { get; init; }

    /// <summary>The candidate as others may see it: without base and proof.</summary>
    public CandidateInfo ForPeers() => this with { Base = default, Proof = default };
}
