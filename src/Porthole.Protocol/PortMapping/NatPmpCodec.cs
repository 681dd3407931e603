using System.Buffers.Binary;
using System.Net;

namespace Porthole.Protocol.PortMapping;

/// <summary>NAT Port Mapping Protocol (RFC 6886).</summary>
/// <remarks>
/// Public address: version, opcode 0; the answer adds result (2), epoch (4), address (4). Mapping: version, opcode 1 (UDP) or 2 (TCP), 2 reserved, internal
/// port (2), external port (2), lifetime (4); the answer: version, opcode with the highest bit, result (2), epoch (4), both ports (2, 2), lifetime (4).
/// </remarks>
internal sealed class NatPmpCodec : GatewayCodec
{
    private const byte Version = 0;

    /// <summary>The opcodes, and the bit that tells an answer (section 3).</summary>
    private const byte PublicAddress = 0, MapUdp = 1, MapTcp = 2, Answer = 0x80;

    private const int ProbeLength = 2, AddressLength = 12, RequestLength = 12, MapLength = 16, ErrorLength = 8;

    /// <summary>Section 3.5.</summary>
    private const int UnsupportedVersion = 1;

    /// <summary>The version of PCP, which refuses the version of NAT-PMP in its own format (RFC 6887 section 9).</summary>
    private const byte PcpVersion = 2;

    public static NatPmpCodec Instance { get; } = new();

    public override PortMappingProtocol Protocol => PortMappingProtocol.NatPmp;

    public override int WriteProbe(Span<byte> destination, TransportAddress local)
    {
        (destination[0], destination[1]) = (Version, PublicAddress);
        return ProbeLength;
    }

    public override int WriteMap(Span<byte> destination, MappingEntry entry, uint lifetime)
    {
        destination[..RequestLength].Clear();
        (destination[0], destination[1]) = (Version, entry.Transport == Transports.Tcp ? MapTcp : MapUdp);
        BinaryPrimitives.WriteUInt16BigEndian(destination[4..], entry.Local.Port);
        BinaryPrimitives.WriteUInt16BigEndian(destination[6..], lifetime == 0 ? (ushort)0 : entry.SuggestedPort); // section 3.4: both 0 take it back
        BinaryPrimitives.WriteUInt32BigEndian(destination[8..], lifetime);
        return RequestLength;
    }

    public override bool TryRead(ReadOnlySpan<byte> datagram, out GatewayReply reply)
    {
        reply = default;
        if (datagram.Length < ErrorLength || (datagram[1] & Answer) == 0) return false;
        if (datagram[0] == PcpVersion)
        {
            if (datagram[3] != UnsupportedVersion) return false;
            reply = new GatewayReply(GatewayReplyKind.WrongVersion, UnsupportedVersion, 0);
            return true;
        }

        int result = BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]);
        uint epoch = BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]);

        // Version 0 does not refuse version 0: that is the answer to PCP.
        if (datagram[0] != Version || result == UnsupportedVersion) return false;
        switch (datagram[1] & ~Answer)
        {
            case PublicAddress when result != 0 || datagram.Length >= AddressLength:
                reply = new GatewayReply(GatewayReplyKind.Probe, result, epoch)
                {
                    External = result == 0 ? new TransportAddress(datagram[8..AddressLength], 0) : TransportAddress.From(IPAddress.Any, 0),
                };
                return true;
            case MapUdp or MapTcp when result != 0 && datagram.Length < MapLength:
                reply = new GatewayReply(GatewayReplyKind.Map, result, epoch) { Transport = TransportOf(datagram[1]) }; // a refusal may end with its code
                return true;
            case MapUdp or MapTcp when datagram.Length >= MapLength:
                reply = new GatewayReply(GatewayReplyKind.Map, result, epoch)
                {
                    Transport = TransportOf(datagram[1]),
                    InternalPort = BinaryPrimitives.ReadUInt16BigEndian(datagram[8..]),
                    External = TransportAddress.From(IPAddress.Any, BinaryPrimitives.ReadUInt16BigEndian(datagram[10..])),
                    Lifetime = BinaryPrimitives.ReadUInt32BigEndian(datagram[12..]),
                };
                return true;
            default:
                return false;
        }
    }

    /// <summary>RFC 6886 section 3.6: the gateway's clock may run slow by an eighth, and be off by two seconds.</summary>
    public override bool IsStateLost(uint before, uint now, TimeSpan elapsed) => now + 2.0 < before + elapsed.TotalSeconds * 7 / 8;

    /// <summary>Section 3.5.</summary>
    public override string Explain(int result) => result switch
    {
        2 => "it is not allowed",
        3 => "its own network is down",
        4 => "it has no room",
        5 => "it does not know the request",
        _ => $"result {result}",
    };

    private static Transports TransportOf(byte opcode) => (opcode & ~Answer) == MapTcp ? Transports.Tcp : Transports.Udp;
}
