using System.Buffers.Binary;
using FsCheck;
using FsCheck.Fluent;
using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Vectors;

namespace Porthole.Protocol.Tests.Stun;

public sealed class StunFuzzTests
{
    private static readonly StunAttributeType[] s_types =
        [.. Enum.GetValues<StunAttributeType>(), (StunAttributeType)0x0003, (StunAttributeType)0x7FFF, (StunAttributeType)0xFFFF];

    [Fact]
    public void Any_bytes_are_read_without_an_exception() => Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), static bytes =>
    {
        ReadEverything(bytes);
        return true;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void Any_bytes_behind_a_right_header_are_read_without_an_exception() => Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), static bytes =>
    {
        byte[] message = new byte[StunHeader.Size + (bytes.Length & ~3)];
        _ = new StunWriter(message, StunClass.Request, StunMethod.Binding, default);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), (ushort)(message.Length - StunHeader.Size));
        bytes.AsSpan(0, bytes.Length & ~3).CopyTo(message.AsSpan(StunHeader.Size));
        ReadEverything(message);
        return true;
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(2_000).WithEndSize(300));

    [Fact]
    public void Every_truncation_of_every_vector_is_refused()
    {
        foreach (byte[] vector in StunVectors.All)
        {
            for (int length = 0; length < vector.Length; length++) Assert.False(StunReader.TryParse(vector.AsSpan(0, length), out _));
            Assert.False(StunReader.TryParse([.. vector, 0], out _));
            Assert.False(StunReader.TryParse([.. vector, 0, 0, 0, 0], out _));
        }
    }

    /// <summary>A truncated message whose header tells the truth about its length: what is cut is still found.</summary>
    [Fact]
    public void Every_truncation_under_a_right_header_is_read_without_an_exception()
    {
        foreach (byte[] vector in StunVectors.All)
        {
            for (int length = StunHeader.Size; length < vector.Length; length++)
            {
                byte[] cut = vector[..length];
                BinaryPrimitives.WriteUInt16BigEndian(cut.AsSpan(2), (ushort)(length - StunHeader.Size));
                ReadEverything(cut);
            }
        }
    }

    [Fact]
    public void Every_lie_about_an_attributes_length_is_read_without_an_exception()
    {
        int[] lies = [0, 1, 3, 4, 5, 15, 16, 17, 19, 21, 0x7FFF, 0x8000, 0xFFFC, 0xFFFD, 0xFFFF];
        foreach (byte[] vector in StunVectors.All)
        {
            for (int offset = StunHeader.Size; offset < vector.Length; offset += 4)
            {
                foreach (int lie in lies)
                {
                    byte[] lying = [.. vector];
                    BinaryPrimitives.WriteUInt16BigEndian(lying.AsSpan(offset + 2), (ushort)lie);
                    ReadEverything(lying);
                }
            }
        }
    }

    [Fact]
    public void Changed_vectors_are_read_without_an_exception()
    {
        var random = new Random(4_711);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] changed = [.. StunVectors.All[random.Next(StunVectors.All.Count)]];
            for (int change = random.Next(1, 6); change > 0; change--) changed[random.Next(changed.Length)] = (byte)random.Next(256);
            ReadEverything(changed);
        }
    }

    [Fact]
    public void What_is_written_is_read() => Prop.ForAll(
        ArbMap.Default.ArbFor<(ushort Type, byte[] Value)[]>(),
        static attributes =>
        {
            byte[] buffer = new byte[65_535 + StunHeader.Size];
            var writer = new StunWriter(buffer, StunClass.Indication, (StunMethod)0xABC, new TransactionId("transaction!"u8));
            var plain = attributes.Where(static a => (StunAttributeType)a.Type
                is not (StunAttributeType.MessageIntegrity or StunAttributeType.MessageIntegritySha256 or StunAttributeType.Fingerprint)).ToList();
            foreach (var (type, value) in plain) writer.WriteBytes((StunAttributeType)type, value);
            writer.WriteIntegrity([7]);
            writer.WriteFingerprint();

            if (!StunReader.TryParse(writer.Written, out var message)) return false;
            int index = 0;
            foreach (var attribute in message)
            {
                if (index < plain.Count
                    && ((int)attribute.Type != plain[index].Type || !attribute.Value.SequenceEqual(plain[index].Value))) return false;
                index++;
            }

            return index == plain.Count + 2 && message.HasValidIntegrity([7]) && message.HasValidFingerprint();
        }).QuickCheckThrowOnFailure();

    private static void ReadEverything(ReadOnlySpan<byte> datagram)
    {
        byte[] before = datagram.ToArray();
        if (!StunReader.TryParse(datagram, out var message)) return;
        Span<StunAttributeType> unknown = stackalloc StunAttributeType[4];
        foreach (var type in s_types)
        {
            message.TryGetBytes(type, out _);
            message.TryGetUInt32(type, out _);
            message.TryGetUInt64(type, out _);
            message.TryGetAddress(type, out _);
            message.TryGetXorAddress(type, out _);
        }

        message.TryGetErrorCode(out _, out _);
        message.GetUnknownAttributes(unknown);
        message.HasValidIntegrity([1]);
        message.HasValidIntegritySha256([1]);
        message.HasValidFingerprint();
        Assert.True(datagram.SequenceEqual(before));
    }
}
