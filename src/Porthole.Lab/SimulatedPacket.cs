using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>A UDP datagram, a TCP segment, or an ICMP error on its way. Pooled for each thread, so that forty thousand simulations make no garbage of them.</summary>
internal sealed class SimulatedPacket
{
    /// <summary>Room for what fits an Ethernet frame; a longer datagram gets a larger buffer.</summary>
    private const int UsualSize = 1_536;

    private const int PoolSize = 1_024;

    [ThreadStatic]
    private static SimulatedPacket? s_free;

    [ThreadStatic]
    private static int s_freeCount;

    private SimulatedPacket? _next;
    private byte[] _buffer = new byte[UsualSize];

    public long Id { get; private set; }

    public SimulatedHost Origin { get; private set; } = null!;

    public TransportAddress Source { get; set; }

    public TransportAddress Destination { get; set; }

    public int TimeToLive { get; set; }

    public int Length { get; private set; }

    public NatProtocol Protocol { get; private set; }

    /// <summary>What a TCP segment says, or the one that an ICMP error quotes.</summary>
    public TcpHeader Tcp { get; private set; }

    /// <summary>What an ICMP error says; its addresses are those of the quoted packet, turned round.</summary>
    public PacketError Error { get; private set; }

    public NatPacket Flow => new(Source, Destination, Protocol, Tcp.Bits, Error != PacketError.None);

    public Span<byte> Bytes => _buffer.AsSpan(0, Length);

    public PacketKind Kind => PacketKinds.Classify(Bytes);

    public static SimulatedPacket Rent(
        long id, SimulatedHost origin, TransportAddress source, TransportAddress destination, int timeToLive, ReadOnlySpan<byte> bytes)
    {
        var packet = s_free;
        if (packet is null)
        {
            packet = new SimulatedPacket();
        }
        else
        {
            s_free = packet._next;
            s_freeCount--;
        }

        if (bytes.Length > packet._buffer.Length) packet._buffer = new byte[bytes.Length];
        (packet.Id, packet.Origin, packet.TimeToLive, packet.Length) = (id, origin, timeToLive, bytes.Length);
        (packet.Source, packet.Destination) = (source, destination);
        (packet.Protocol, packet.Tcp, packet.Error) = (NatProtocol.Udp, default, PacketError.None);
        bytes.CopyTo(packet._buffer);
        return packet;
    }

    public SimulatedPacket Copy()
    {
        var copy = Rent(Id, Origin, Source, Destination, TimeToLive, Bytes);
        (copy.Protocol, copy.Tcp, copy.Error) = (Protocol, Tcp, Error);
        return copy;
    }

    public void MakeSegment(in TcpHeader header) => (Protocol, Tcp) = (NatProtocol.Tcp, header);

    public void MakeError(SimulatedPacket about, PacketError error) =>
        (Protocol, Tcp, Error) = (about.Protocol, about.Tcp with { Bits = TcpBits.None }, error);

    public void Return()
    {
        Origin = null!;
        if (s_freeCount == PoolSize) return;
        _next = s_free;
        s_free = this;
        s_freeCount++;
    }
}
