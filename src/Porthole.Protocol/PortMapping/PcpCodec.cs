using System.Buffers.Binary;

namespace Porthole.Protocol.PortMapping;

/// <summary>Port Control Protocol (RFC 6887), as far as a host needs it: MAP and ANNOUNCE.</summary>
/// <remarks>
/// Every message begins with 24 bytes. Request: version, opcode, 2 reserved, lifetime (4), the client's address (16). Answer: version, opcode with the highest
/// bit, reserved, result, lifetime (4), epoch (4), 12 reserved. MAP adds 36: nonce (12), protocol, 3 reserved, internal port (2), external port (2), external
/// address (16). IPv4 addresses lie in IPv6 ones (section 5).
/// </remarks>
internal sealed class PcpCodec : GatewayCodec
{
    /// <summary>RFC 6887 section 7.1.</summary>
    private const byte Version = 2;

    /// <summary>The opcodes, and the bit that tells an answer (section 7.1, 19.2).</summary>
    private const byte Announce = 0, Map = 1, Answer = 0x80;

    private const int HeaderLength = 24, MapLength = HeaderLength + 36;

    /// <summary>The longest message (section 7).</summary>
    private const int MaxLength = 1_100;

    /// <summary>The length of a version-0 answer to a request of an unknown version (RFC 6886 section 3.5).</summary>
    private const int NatPmpRefusal = 8;

    /// <summary>Section 7.4.</summary>
    private const byte UnsupportedVersion = 1, UnsupportedOpcode = 4;

    /// <summary>Protocol numbers (IANA).</summary>
    private const byte Tcp = 6, Udp = 17;

    public static PcpCodec Instance { get; } = new();

    public override PortMappingProtocol Protocol => PortMappingProtocol.Pcp;

    public override int WriteProbe(Span<byte> destination, TransportAddress local)
    {
        WriteHeader(destination, Announce, 0, local);
        return HeaderLength;
    }

    public override int WriteMap(Span<byte> destination, MappingEntry entry, uint lifetime)
    {
        WriteHeader(destination, Map, lifetime, entry.Local);
        var map = destination[HeaderLength..MapLength];
        map.Clear();
        BinaryPrimitives.WriteUInt64BigEndian(map, entry.Nonce.High);
        BinaryPrimitives.WriteUInt32BigEndian(map[8..], entry.Nonce.Low);
        map[12] = entry.Transport == Transports.Tcp ? Tcp : Udp;
        BinaryPrimitives.WriteUInt16BigEndian(map[16..], entry.Local.Port);
        BinaryPrimitives.WriteUInt16BigEndian(map[18..], lifetime == 0 ? (ushort)0 : entry.SuggestedPort);
        if (lifetime != 0 && entry.Held is { } held) WriteAddress(map[20..], held.External);
        else if (!entry.Local.IsIPv6) WriteAddress(map[20..], TransportAddress.From(System.Net.IPAddress.Any, 0));
        return MapLength;
    }

    public override bool TryRead(ReadOnlySpan<byte> datagram, out GatewayReply reply)
    {
        reply = default;
        if (datagram.Length >= NatPmpRefusal && datagram[0] == 0 && (datagram[1] & Answer) != 0)
        {
            // A gateway that knows NAT-PMP only says so in its own format (section 9).
            if (BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]) != UnsupportedVersion) return false;
            reply = new GatewayReply(GatewayReplyKind.WrongVersion, UnsupportedVersion, 0);
            return true;
        }

        if (datagram.Length is < HeaderLength or > MaxLength || datagram.Length % 4 != 0 || (datagram[1] & Answer) == 0) return false;
        int result = datagram[3];
        uint epoch = BinaryPrimitives.ReadUInt32BigEndian(datagram[8..]);
        if (datagram[0] != Version)
        {
            if (datagram[0] < Version || result != UnsupportedVersion) return false;
            reply = new GatewayReply(GatewayReplyKind.WrongVersion, UnsupportedVersion, 0);
            return true;
        }

        // With the version of the request a refusal of the version is the answer to NAT-PMP's.
        if (result == UnsupportedVersion) return false;
        uint lifetime = BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]);
        switch (datagram[1] & ~Answer)
        {
            case Announce:
                // Who does not know the opcode knows the protocol.
                reply = new GatewayReply(GatewayReplyKind.Probe, result == UnsupportedOpcode ? 0 : result, epoch);
                return true;
            case Map when datagram.Length >= MapLength:
                var map = datagram[HeaderLength..MapLength];
                if (map[12] is not (Udp or Tcp)) return false;
                reply = new GatewayReply(GatewayReplyKind.Map, result, epoch)
                {
                    Nonce = new MappingNonce(BinaryPrimitives.ReadUInt64BigEndian(map), BinaryPrimitives.ReadUInt32BigEndian(map[8..])),
                    Transport = map[12] == Tcp ? Transports.Tcp : Transports.Udp,
                    InternalPort = BinaryPrimitives.ReadUInt16BigEndian(map[16..]),
                    External = new TransportAddress(map[20..], BinaryPrimitives.ReadUInt16BigEndian(map[18..])),
                    Lifetime = lifetime,
                };
                return true;
            default:
                return false;
        }
    }

    /// <summary>RFC 6887 section 8.5: the gateway's clock may be off by a sixteenth, and by two seconds.</summary>
    public override bool IsStateLost(uint before, uint now, TimeSpan elapsed)
    {
        if ((long)now + 1 < before) return true;
        double client = Math.Floor(elapsed.TotalSeconds), server = (double)now - before;
        return client + 2 < server - server / 16 || server + 2 < client - client / 16;
    }

    /// <summary>Section 7.4.</summary>
    public override string Explain(int result) => result switch
    {
        2 => "it is not allowed",
        3 or 6 => "it calls the request malformed",
        4 => "it maps no ports",
        5 => "it does not know an option",
        7 => "its own network is down",
        8 => "it has no room",
        9 => "it does not map this transport",
        10 => "this host has as many mappings as it may have",
        11 => "it cannot give the external port",
        12 => "another NAT stands before it",
        13 => "too many remote peers",
        _ => $"result {result}",
    };

    private static void WriteHeader(Span<byte> destination, byte opcode, uint lifetime, TransportAddress local)
    {
        var header = destination[..HeaderLength];
        header.Clear();
        header[0] = Version;
        header[1] = opcode;
        BinaryPrimitives.WriteUInt32BigEndian(header[4..], lifetime);
        WriteAddress(header[8..], local);
    }

    private static void WriteAddress(Span<byte> destination, TransportAddress address)
    {
        destination[..16].Clear();
        if (!address.IsIPv6) destination[10..12].Fill(0xFF);
        address.WriteAddress(address.IsIPv6 ? destination : destination[12..]);
    }
}
