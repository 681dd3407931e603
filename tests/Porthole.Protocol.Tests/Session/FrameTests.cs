using FsCheck;
using FsCheck.Fluent;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Frames and numbers on the wire (RFC 9000 chapters 16 and 19, RFC 9221): examples, round trips, truncations, noise.</summary>
public sealed class FrameTests
{
    [Theory] // RFC 9000 appendix A.1
    [InlineData("C2197C5EFF14E88C", 151_288_809_941_952_652)]
    [InlineData("9D7F3E7D", 494_878_333)]
    [InlineData("7BBD", 15_293)]
    [InlineData("25", 37)]
    [InlineData("4025", 37)]
    public void Numbers_read_as_in_the_examples_of_RFC_9000(string hex, long value)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.True(VariableLength.TryRead(bytes, out long read, out int size));
        Assert.Equal((value, bytes.Length), (read, size));
        for (int length = 0; length < bytes.Length; length++) Assert.False(VariableLength.TryRead(bytes.AsSpan(0, length), out _, out _));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(63, 1)]
    [InlineData(64, 2)]
    [InlineData(16_383, 2)]
    [InlineData(16_384, 4)]
    [InlineData((1 << 30) - 1, 4)]
    [InlineData(1 << 30, 8)]
    [InlineData(VariableLength.MaxValue, 8)]
    public void Numbers_are_written_in_their_shortest_form(long value, int size)
    {
        byte[] bytes = new byte[8];
        Assert.Equal(size, VariableLength.Size(value));
        Assert.Equal(size, VariableLength.Write(bytes, value));
        Assert.True(VariableLength.TryRead(bytes, out long read, out int readSize));
        Assert.Equal((value, size), (read, readSize));
    }

    [Fact]
    public void Acknowledged_ranges_survive_the_wire() => Prop.ForAll(
        Gen.ListOf(Gen.Choose(0, 2_000)).Where(list => list.Count > 0).ToArbitrary(),
        numbers =>
        {
            var ranges = new RangeSet();
            foreach (int number in numbers) ranges.TryAdd(number, number + 1);
            byte[] bytes = new byte[8_000];
            var writer = new FrameWriter(bytes);
            if (!writer.TryWriteAck(ranges, TimeSpan.FromMilliseconds(3), bytes.Length)) return false;
            var reader = new FrameReader(bytes.AsSpan(0, writer.Length));
            if (!reader.TryReadType(out byte type) || type != FrameType.Ack || !reader.TryReadAck(out var frame) || !reader.IsEmpty) return false;
            var read = new List<int>();
            while (frame.TryTakeRange(out long smallest, out long largest))
            {
                for (long number = largest; number >= smallest; number--) read.Add((int)number);
            }

            return frame.Delay == TimeSpan.FromMilliseconds(3) && read.SequenceEqual(numbers.Distinct().OrderDescending());
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void Every_truncation_of_an_acknowledgement_is_refused()
    {
        var ranges = new RangeSet();
        for (int i = 0; i < 20; i++) ranges.TryAdd(100 * i, 100 * i + 50);
        byte[] bytes = new byte[500];
        var writer = new FrameWriter(bytes);
        Assert.True(writer.TryWriteAck(ranges, TimeSpan.Zero, bytes.Length));
        for (int length = 1; length < writer.Length; length++) Assert.False(new FrameReader(bytes.AsSpan(1, length - 1)).TryReadAck(out _));
    }

    [Fact]
    public void An_acknowledgement_takes_the_newest_ranges_that_fit()
    {
        var ranges = new RangeSet();
        for (int i = 0; i < 100; i++) ranges.TryAdd(2 * i, 2 * i + 1);
        byte[] bytes = new byte[500];
        var writer = new FrameWriter(bytes);
        Assert.True(writer.TryWriteAck(ranges, TimeSpan.Zero, maxSize: 40));
        Assert.InRange(writer.Length, 35, 40);
        Assert.True(new FrameReader(bytes.AsSpan(1, writer.Length - 1)).TryReadAck(out var frame));
        Assert.Equal(198, frame.Largest);
    }

    [Fact]
    public void Stream_frames_fill_a_packet_to_the_last_byte_and_survive_the_wire() => Prop.ForAll(
        Gen.ArrayOf(Gen.Choose(0, 100_000), 3).ToArbitrary(),
        sizes =>
        {
            var (room, length, offset) = (20 + sizes[0] % 180, sizes[1] % 300, sizes[2]);
            byte[] bytes = new byte[room];
            bool fin = true;
            var writer = new FrameWriter(bytes);
            if (!writer.TryWriteStream(8, offset, length, ref fin, out var data)) return false;
            for (int i = 0; i < data.Length; i++) data[i] = (byte)(i * 7);
            bool whole = data.Length == length;
            if (fin != whole || !whole && writer.Room != 0) return false;

            var reader = new FrameReader(bytes.AsSpan(0, writer.Length));
            byte type;
            do
            {
                if (!reader.TryReadType(out type)) return false;
            }
            while (type == FrameType.Padding);

            if (!reader.TryReadStream(type, out var frame) || !reader.IsEmpty) return false;
            for (int i = 0; i < frame.Data.Length; i++)
            {
                if (frame.Data[i] != (byte)(i * 7)) return false;
            }

            return (frame.Id, frame.Offset, frame.Data.Length, frame.Fin) == (8, offset, data.Length, fin);
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void No_bytes_make_a_reader_throw()
    {
        var random = new Random(5);
        for (int i = 0; i < 100_000; i++)
        {
            byte[] bytes = new byte[random.Next(40)];
            random.NextBytes(bytes);
            var reader = new FrameReader(bytes);
            while (!reader.IsEmpty && reader.TryReadType(out byte type))
            {
                bool read = type switch
                {
                    FrameType.Ack => reader.TryReadAck(out _),
                    >= FrameType.Stream and <= FrameType.StreamLast => reader.TryReadStream(type, out _),
                    FrameType.Datagram or FrameType.DatagramLength => reader.TryReadDatagram(type, out _),
                    FrameType.PathChallenge => reader.TryReadToken(out _),
                    FrameType.CloseApplication => reader.TryReadNumber(out _) && reader.TryReadBytes(out _),
                    _ => reader.TryReadNumber(out _),
                };
                if (!read) break;
            }
        }
    }

    [Fact]
    public void A_set_of_ranges_does_what_a_set_of_numbers_does() => Prop.ForAll(
        Gen.ListOf(Gen.ArrayOf(Gen.Choose(0, 60), 3)).ToArbitrary(),
        steps =>
        {
            var ranges = new RangeSet();
            var numbers = new SortedSet<long>();
            foreach (int[] step in steps)
            {
                var (kind, start, length) = (step[0] % 2, step[1], step[2] % 13);
                if (kind == 0) ranges.TryAdd(start, start + length);
                else ranges.Remove(start, start + length);
                for (int number = start; number < start + length; number++) _ = kind == 0 ? numbers.Add(number) : numbers.Remove(number);
            }

            var expanded = new List<long>();
            for (int i = 0; i < ranges.Count; i++)
            {
                if (i > 0 && ranges[i].Start <= ranges[i - 1].End) return false; // neighbours are joined
                for (long number = ranges[i].Start; number < ranges[i].End; number++) expanded.Add(number);
            }

            return expanded.SequenceEqual(numbers) && Enumerable.Range(0, 80).All(number => ranges.Contains(number) == numbers.Contains(number));
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_full_set_of_ranges_refuses_another_and_still_joins()
    {
        var ranges = new RangeSet(limit: 3);
        for (int i = 0; i < 3; i++) Assert.True(ranges.TryAdd(10 * i, 10 * i + 1));
        Assert.False(ranges.TryAdd(40, 41));
        Assert.True(ranges.TryAdd(1, 10));
        Assert.Equal(2, ranges.Count);
    }
}
