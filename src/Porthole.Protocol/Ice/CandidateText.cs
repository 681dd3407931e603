using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Porthole.Protocol.Ice;

/// <summary>
/// Candidates as other software writes them: <c>foundation 1 udp priority address port typ type …</c> (RFC 8839 section 5.1), with TCP <c>tcptype so</c> after
/// that (RFC 6544 section 4.5).
/// </summary>
public static class CandidateText
{
    /// <summary>The longest text that is read, in characters: a full line of every known extension is far shorter.</summary>
    public const int MaxLength = 512;

    private const string AttributeName = "candidate:";

    /// <summary>The name of a type on the wire: host, srflx, prflx or relay.</summary>
    public static string TypeName(CandidateType type) => type switch
    {
        CandidateType.Host => "host",
        CandidateType.ServerReflexive => "srflx",
        CandidateType.PeerReflexive => "prflx",
        CandidateType.Relayed => "relay",
    };

    /// <summary>The name of a TCP type on the wire: active, passive or so (RFC 6544 section 4.5).</summary>
    public static string TcpTypeName(TcpCandidateType type) => type switch
    {
        TcpCandidateType.Active => "active",
        TcpCandidateType.Passive => "passive",
        TcpCandidateType.SimultaneousOpen => "so",
    };

    /// <summary>The text of a candidate. A base that differs from the address is given as the related address.</summary>
    public static string Format(Candidate candidate)
    {
        ArgumentNullException.ThrowIfNull(candidate);
        var (address, type, transport) = (candidate.Address, TypeName(candidate.Type), candidate.Tcp is null ? "udp" : "tcp");
        string text = string.Create(
            CultureInfo.InvariantCulture,
            $"{candidate.Foundation} {Candidate.Component} {transport} {candidate.Priority} {address.Address} {address.Port} typ {type}");
        if (candidate.Base != candidate.Address) text = string.Create(CultureInfo.InvariantCulture, $"{text} raddr {candidate.Base.Address} rport {candidate.Base.Port}");
        return candidate.Tcp is { } tcp ? $"{text} tcptype {TcpTypeName(tcp)}" : text;
    }

    /// <summary>
    /// Reads a remote candidate, with or without <c>candidate:</c> before it. Names that only multicast DNS could resolve, TCP without its type and other
    /// components are not ours.
    /// </summary>
    public static bool TryParse([NotNullWhen(true)] string? text, [NotNullWhen(true)] out Candidate? candidate)
    {
        candidate = null;
        if (text is null || text.Length > MaxLength) return false;
        var rest = text.AsSpan().Trim();
        if (rest.StartsWith(AttributeName, StringComparison.OrdinalIgnoreCase)) rest = rest[AttributeName.Length..];
        var foundation = NextWord(ref rest);
        if (foundation.Length is 0 or > Candidate.MaxFoundation || !IceCredentials.AreIceChars(foundation)) return false;
        if (!NextWord(ref rest).SequenceEqual("1") || !TryReadTransport(NextWord(ref rest), out bool isTcp)) return false;
        if (!TryReadNumber(NextWord(ref rest), int.MaxValue, out uint priority) || priority == 0) return false;
        var host = NextWord(ref rest);
        if (!TryReadNumber(NextWord(ref rest), ushort.MaxValue, out uint port)) return false;
        if (!TryReadAddress(host, (ushort)port, out var address)) return false;
        if (!NextWord(ref rest).SequenceEqual("typ") || !TryReadType(NextWord(ref rest), out var type)) return false;
        var related = address;
        var next = NextWord(ref rest);
        if (next.SequenceEqual("raddr"))
        {
            var relatedHost = NextWord(ref rest);
            if (!NextWord(ref rest).SequenceEqual("rport") || !TryReadNumber(NextWord(ref rest), ushort.MaxValue, out uint relatedPort)) return false;
            if (!TryReadAddress(relatedHost, (ushort)relatedPort, out related)) return false;
            next = NextWord(ref rest);
        }

        TcpCandidateType? tcp = null;
        if (isTcp && !TryFindTcpType(next, rest, out tcp)) return false;
        candidate = new Candidate(type, address, related, default, priority, foundation.ToString()) { Tcp = tcp };
        return true;
    }

    private static ReadOnlySpan<char> NextWord(scoped ref ReadOnlySpan<char> rest)
    {
        rest = rest.TrimStart(' ');
        int end = rest.IndexOf(' ');
        var word = end < 0 ? rest : rest[..end];
        rest = rest[word.Length..];
        return word;
    }

    private static bool TryReadNumber(ReadOnlySpan<char> word, uint max, out uint value) =>
        uint.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value <= max;

    private static bool TryReadTransport(ReadOnlySpan<char> word, out bool isTcp)
    {
        isTcp = word.Equals("tcp", StringComparison.OrdinalIgnoreCase);
        return isTcp || word.Equals("udp", StringComparison.OrdinalIgnoreCase);
    }

    // The type comes first in the RFC's grammar, but some agents write other extensions before it.
    private static bool TryFindTcpType(ReadOnlySpan<char> name, ReadOnlySpan<char> following, out TcpCandidateType? type)
    {
        var rest = following;
        for (; name.Length > 0; name = NextWord(ref rest))
        {
            var value = NextWord(ref rest);
            if (!name.SequenceEqual("tcptype")) continue;
            foreach (var known in (ReadOnlySpan<TcpCandidateType>)[TcpCandidateType.Active, TcpCandidateType.Passive, TcpCandidateType.SimultaneousOpen])
            {
                type = known;
                if (value.SequenceEqual(TcpTypeName(known))) return true;
            }

            break;
        }

        type = null;
        return false;
    }

    private static bool TryReadAddress(ReadOnlySpan<char> host, ushort port, out TransportAddress address)
    {
        address = default;
        // IPAddress takes short forms such as "1"; SDP knows dotted quads and IPv6 alone.
        if (!host.Contains(':') && host.Count('.') != 3) return false;
        if (!System.Net.IPAddress.TryParse(host, out var parsed)) return false;
        address = TransportAddress.From(parsed, port);
        return true;
    }

    private static bool TryReadType(ReadOnlySpan<char> word, out CandidateType type)
    {
        foreach (var known in (ReadOnlySpan<CandidateType>)
            [CandidateType.Host, CandidateType.ServerReflexive, CandidateType.PeerReflexive, CandidateType.Relayed])
        {
            type = known;
            if (word.SequenceEqual(TypeName(known))) return true;
        }

        type = default;
        return false;
    }
}
