using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Forwarding;

public sealed class ForwardDatagramTests
{
    private readonly DatagramReassembler _reassembler = new();
    private Instant _now = Instant.FromMilliseconds(1);

    [Fact]
    public void It_fits_a_datagram_of_every_session() => Assert.True(ForwardDatagram.MaxSize <= SessionLimits.MaxDatagram);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(ForwardDatagram.MaxWhole, 1)]
    [InlineData(ForwardDatagram.MaxWhole + 1, 2)]
    [InlineData(1_024, 2)]
    [InlineData(1_025, 2)]
    [InlineData(2 * ForwardDatagram.PieceSize, 2)]
    [InlineData((2 * ForwardDatagram.PieceSize) + 1, 3)]
    [InlineData(9_000, 9)]
    [InlineData(ForwardDatagram.MaxPayload, ForwardDatagram.MaxPieces)]
    public void A_datagram_of_any_length_comes_out_as_it_went_in(int length, int pieces)
    {
        byte[] payload = Payload(length);
        var cut = Cut(payload, number: 7);
        Assert.Equal(pieces, cut.Count);
        Assert.All(cut, static piece => Assert.InRange(piece.Length, 1, ForwardDatagram.MaxSize));
        Assert.Equal([payload], Put(cut));
        Assert.Equal((0, 0), (_reassembler.Count, _reassembler.Bytes));
    }

    [Fact]
    public void Pieces_may_come_in_any_order_twice_and_mixed_with_others()
    {
        var random = new Random(1);
        for (int round = 0; round < 200; round++)
        {
            var payloads = Enumerable.Range(0, 8).Select(_ => Payload(random.Next(ForwardDatagram.MaxWhole + 1, 40_000), random)).ToList();
            var pieces = payloads.SelectMany((payload, i) => Cut(payload, number: (ushort)(8 * round + i), flow: (uint)(i % 3))).ToList();
            pieces.AddRange(pieces.Where(_ => random.Next(10) == 0).ToList());
            var whole = Put([.. pieces.OrderBy(_ => random.Next())]);
            Assert.Equal(payloads.Select(Convert.ToHexString).Order(), whole.Select(Convert.ToHexString).Order());
            _now += DatagramReassembler.Timeout; // what came twice behind the whole is given up
            _reassembler.DropExpired(_now);
            Assert.Equal((0, 0), (_reassembler.Count, _reassembler.Bytes));
        }
    }

    [Fact]
    public void What_is_never_whole_is_given_up_in_time_and_does_not_hold_up_others()
    {
        var lost = Cut(Payload(5_000), number: 1);
        Assert.Empty(Put([lost[0], lost[2]]));
        _now += DatagramReassembler.Timeout - TimeSpan.FromTicks(1);
        Assert.Empty(Put([lost[3]]));
        Assert.Equal(1, _reassembler.Count);
        _now += TimeSpan.FromTicks(1);
        Assert.Empty(Put([lost[4]])); // begins it anew, for the older pieces are gone
        Assert.Empty(Put([lost[1]]));
        Assert.Equal((1, 5_000), (_reassembler.Count, _reassembler.Bytes));
    }

    [Fact]
    public void A_number_that_is_used_again_begins_anew()
    {
        var first = Cut(Payload(5_000), number: 1);
        byte[] payload = Payload(3_000);
        Assert.Empty(Put([first[0], first[1]]));
        Assert.Equal([payload], Put(Cut(payload, number: 1)));
    }

    [Fact]
    public void A_flood_of_first_pieces_takes_no_more_memory_than_there_is_and_gives_up_the_oldest()
    {
        byte[] longest = Payload(ForwardDatagram.MaxPayload);
        for (int i = 0; i < 100_000; i++)
        {
            Assert.Empty(Put([Cut(longest, number: (ushort)i, flow: (uint)(i / 50_000), only: 1)[0]]));
            Assert.InRange(_reassembler.Bytes, 1, DatagramReassembler.MaxBytes);
        }

        Assert.Equal(DatagramReassembler.MaxBytes / ForwardDatagram.MaxPayload, _reassembler.Count);
        byte[] payload = Payload(2_000);
        Assert.Equal([payload], Put(Cut(payload, number: 65_535, flow: 9)));
    }

    [Fact]
    public void Pieces_that_do_not_fit_their_whole_are_none()
    {
        byte[] piece = Cut(Payload(3_000), number: 1)[1];
        Assert.True(ForwardDatagram.TryRead(piece, out _));
        foreach (var (at, value) in new (int, byte)[] { (0, 0), (0, 3), (9, 0), (11, 3), (11, 255), (11, 2) })
        {
            byte[] wrong = [.. piece];
            wrong[at] = value;
            Assert.False(ForwardDatagram.TryRead(wrong, out _), $"{value} at {at}");
        }

        Assert.False(ForwardDatagram.TryRead(piece.AsSpan(0, piece.Length - 1), out _));
        Assert.False(ForwardDatagram.TryRead([.. piece, 0], out _));
        Assert.False(ForwardDatagram.TryRead(piece.AsSpan(0, 12), out _));
        Assert.False(ForwardDatagram.TryRead(new byte[ForwardDatagram.MaxSize + 1], out _));
        Assert.False(ForwardDatagram.TryRead([1, 0, 0, 0, 0, 0], out _));
    }

    [Fact]
    public void Whatever_comes_is_taken_or_not_and_throws_nothing()
    {
        var random = new Random(2);
        byte[] bytes = new byte[ForwardDatagram.MaxSize + 10];
        for (int i = 0; i < 300_000; i++)
        {
            random.NextBytes(bytes.AsSpan(0, 64));
            int length = random.Next(bytes.Length);
            if (i % 2 == 0)
            {
                // Nearly right: the interesting ones.
                bytes[0] = 2;
                (bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7], bytes[8]) = (0, 1, 0, 0, 0, 0, 0, (byte)random.Next(4));
                (bytes[9], bytes[10], bytes[11]) = ((byte)random.Next(16), (byte)random.Next(2), (byte)random.Next(5));
                if (random.Next(2) == 0) length = ForwardDatagram.MaxSize;
            }

            _now += TimeSpan.FromTicks(random.Next(100_000));
            if (!ForwardDatagram.TryRead(bytes.AsSpan(0, length), out var datagram)) continue;
            if (_reassembler.TryAdd(_now, datagram, out var whole)) Assert.Equal(datagram.Length, whole.Length);
            Assert.InRange(_reassembler.Bytes, 0, DatagramReassembler.MaxBytes);
        }
    }

    private static byte[] Payload(int length, Random? random = null)
    {
        byte[] payload = new byte[length];
        (random ?? new Random(length)).NextBytes(payload);
        return payload;
    }

    private static List<byte[]> Cut(byte[] payload, ushort number, uint flow = 5, int only = int.MaxValue)
    {
        var pieces = new List<byte[]>();
        byte[] buffer = new byte[ForwardDatagram.MaxSize];
        int count = Math.Min(only, ForwardDatagram.CountFor(payload.Length));
        for (int i = 0; i < count; i++) pieces.Add(buffer[..ForwardDatagram.Write(buffer, 3, flow, number, payload, i)]);
        return pieces;
    }

    private List<byte[]> Put(IEnumerable<byte[]> pieces)
    {
        var whole = new List<byte[]>();
        foreach (byte[] piece in pieces)
        {
            Assert.True(ForwardDatagram.TryRead(piece, out var datagram));
            Assert.Equal(3, datagram.Association);
            if (!datagram.IsPiece) whole.Add(datagram.Data.ToArray());
            else if (_reassembler.TryAdd(_now, datagram, out var done)) whole.Add(done.ToArray());
        }

        return whole;
    }
}
