using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Vectors;

namespace Porthole.Protocol.Tests.Stun;

[Collection(nameof(Alone))]
public sealed class StunMessageTests
{
    private static readonly TransactionId s_id = new("0123456789AB"u8);
    private static readonly byte[] s_key = [1, 2, 3];

    [Fact]
    public void Every_class_and_method_survives_its_bits()
    {
        Span<byte> buffer = stackalloc byte[20];
        for (int method = 0; method < 0x1000; method++)
        {
            foreach (var messageClass in Enum.GetValues<StunClass>())
            {
                var writer = new StunWriter(buffer, messageClass, (StunMethod)method, s_id);
                Assert.True(StunReader.TryParse(writer.Written, out var message));
                Assert.Equal((messageClass, (StunMethod)method, s_id), (message.Class, message.Method, message.TransactionId));
            }
        }
    }

    [Theory]
    [InlineData(0x0001, StunClass.Request)]
    [InlineData(0x0011, StunClass.Indication)]
    [InlineData(0x0101, StunClass.SuccessResponse)]
    [InlineData(0x0111, StunClass.ErrorResponse)]
    public void The_four_binding_types_are_the_RFCs(int type, StunClass messageClass)
    {
        var writer = new StunWriter(stackalloc byte[20], messageClass, StunMethod.Binding, s_id);
        Assert.Equal(type, writer.Written[0] << 8 | writer.Written[1]);
    }

    [Theory]
    [InlineData("192.0.2.1:32853")]
    [InlineData("0.0.0.0:0")]
    [InlineData("255.255.255.255:65535")]
    [InlineData("[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
    [InlineData("[::]:0")]
    public void An_address_survives_both_forms(string text)
    {
        var address = TransportAddress.Parse(text);
        var writer = new StunWriter(stackalloc byte[100], StunClass.SuccessResponse, StunMethod.Binding, s_id);
        writer.WriteAddress(StunAttributeType.MappedAddress, address);
        writer.WriteXorAddress(StunAttributeType.XorMappedAddress, address);

        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Assert.True(message.TryGetAddress(StunAttributeType.MappedAddress, out var clear));
        Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var combined));
        Assert.Equal((address, address), (clear, combined));
    }

    [Theory]
    [InlineData(StunErrorCode.TryAlternate, "Try Alternate")]
    [InlineData(StunErrorCode.UnknownAttribute, "Unknown Attribute")]
    [InlineData(StunErrorCode.RoleConflict, "Role Conflict")]
    [InlineData((StunErrorCode)699, "")]
    public void An_error_code_survives(StunErrorCode code, string reason)
    {
        var writer = new StunWriter(stackalloc byte[100], StunClass.ErrorResponse, StunMethod.Binding, s_id);
        writer.WriteErrorCode(code);

        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Assert.True(message.TryGetErrorCode(out var readCode, out var readReason));
        Assert.Equal(code, readCode);
        Assert.Equal(reason, System.Text.Encoding.UTF8.GetString(readReason));
    }

    [Theory]
    [InlineData(new byte[] { 0, 0, 2, 99 })] // classes 3 to 6 only
    [InlineData(new byte[] { 0, 0, 7, 0 })]
    [InlineData(new byte[] { 0, 0, 4, 100 })]
    [InlineData(new byte[] { 0, 0, 4 })]
    [InlineData(new byte[0])]
    public void A_malformed_error_code_is_none(byte[] value)
    {
        var writer = new StunWriter(stackalloc byte[100], StunClass.ErrorResponse, StunMethod.Binding, s_id);
        writer.WriteBytes(StunAttributeType.ErrorCode, value);
        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Assert.False(message.TryGetErrorCode(out var code, out _));
        Assert.Equal(StunErrorCode.None, code);
    }

    [Theory]
    [InlineData(new byte[] { 0, 1, 0, 80, 1, 2, 3 })]
    [InlineData(new byte[] { 0, 1, 0, 80, 1, 2, 3, 4, 5 })]
    [InlineData(new byte[] { 0, 2, 0, 80, 1, 2, 3, 4 })]
    [InlineData(new byte[] { 0, 3, 0, 80, 1, 2, 3, 4 })]
    [InlineData(new byte[] { 0 })]
    public void A_malformed_address_is_none(byte[] value)
    {
        var writer = new StunWriter(stackalloc byte[100], StunClass.SuccessResponse, StunMethod.Binding, s_id);
        writer.WriteBytes(StunAttributeType.MappedAddress, value);
        writer.WriteBytes(StunAttributeType.XorMappedAddress, value);
        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Assert.False(message.TryGetAddress(StunAttributeType.MappedAddress, out _));
        Assert.False(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out _));
    }

    [Fact]
    public void Of_two_attributes_of_one_type_the_first_counts()
    {
        var writer = new StunWriter(stackalloc byte[100], StunClass.Request, StunMethod.Binding, s_id);
        writer.WriteUInt32(StunAttributeType.Priority, 1);
        writer.WriteUInt32(StunAttributeType.Priority, 2);
        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Assert.True(message.TryGetUInt32(StunAttributeType.Priority, out uint priority));
        Assert.Equal(1u, priority);
    }

    [Fact]
    public void What_follows_the_integrity_is_not_seen()
    {
        var writer = new StunWriter(stackalloc byte[200], StunClass.Request, StunMethod.Binding, s_id);
        writer.WriteIntegrity(s_key);
        writer.WriteFlag(StunAttributeType.UseCandidate);
        writer.WriteIntegritySha256(s_key);
        writer.WriteUInt32(StunAttributeType.Priority, 2);
        writer.WriteIntegrity([9]);
        writer.WriteFingerprint();

        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Assert.False(message.Has(StunAttributeType.UseCandidate));
        Assert.False(message.Has(StunAttributeType.Priority));
        Assert.True(message.HasValidIntegrity(s_key));
        Assert.True(message.HasValidIntegritySha256(s_key));
        Assert.True(message.HasValidFingerprint());
        int count = 0;
        foreach (var _ in message) count++;
        Assert.Equal(3, count);
    }

    [Fact]
    public void A_fingerprint_that_is_not_the_last_is_none()
    {
        var writer = new StunWriter(stackalloc byte[200], StunClass.Request, StunMethod.Binding, s_id);
        writer.WriteFingerprint();
        writer.WriteFlag(StunAttributeType.UseCandidate);
        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Assert.False(message.HasValidFingerprint());
        Assert.False(message.Has(StunAttributeType.UseCandidate));
    }

    [Theory]
    [InlineData(12, false)]
    [InlineData(16, true)]
    [InlineData(18, false)]
    [InlineData(28, true)]
    [InlineData(32, true)]
    public void SHA_256_may_be_shortened_to_16_bytes(int size, bool isValid)
    {
        var writer = new StunWriter(stackalloc byte[200], StunClass.Request, StunMethod.Binding, s_id);
        Span<byte> hmac = stackalloc byte[MessageIntegrity.Sha256Size];
        MessageIntegrity.Compute(writer.Written, StunHeader.Pad(size), s_key, hmac, sha256: true);
        writer.WriteBytes(StunAttributeType.MessageIntegritySha256, hmac[..size]);
        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Assert.Equal(isValid, message.HasValidIntegritySha256(s_key));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Integrity_is_checked_up_to_its_longest_prefix(int over)
    {
        byte[] buffer = new byte[3_000];
        var writer = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, s_id);
        writer.WriteBytes(StunAttributeType.Software, new byte[MessageIntegrity.MaxMessageSize - StunHeader.Size - 4]);
        Assert.Equal(MessageIntegrity.MaxMessageSize, writer.Length);
        if (over > 0)
        {
            writer.WriteFlag(StunAttributeType.UseCandidate);
            writer.WriteBytes(StunAttributeType.MessageIntegrity, new byte[MessageIntegrity.Size]);
        }
        else
        {
            writer.WriteIntegrity(s_key);
        }

        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Assert.Equal(over == 0, message.HasValidIntegrity(s_key));
    }

    [Fact]
    public void Unknown_attributes_are_listed_once_and_as_many_as_fit()
    {
        var writer = new StunWriter(stackalloc byte[200], StunClass.Request, StunMethod.Binding, s_id);
        writer.WriteFlag((StunAttributeType)0x0003);
        writer.WriteFlag((StunAttributeType)0x0003);
        writer.WriteFlag((StunAttributeType)0x7FFF);
        writer.WriteFlag((StunAttributeType)0x8000); // may be skipped
        writer.WriteFlag((StunAttributeType)0x0000);

        Assert.True(StunReader.TryParse(writer.Written, out var message));
        Span<StunAttributeType> unknown = stackalloc StunAttributeType[3];
        Assert.Equal(3, message.GetUnknownAttributes(unknown));
        Assert.Equal([(StunAttributeType)0x0003, (StunAttributeType)0x7FFF, (StunAttributeType)0x0000], unknown.ToArray());
        Assert.Equal(2, message.GetUnknownAttributes(unknown[..2]));
    }

    [Fact]
    public void Padding_is_written_as_zeros_over_whatever_was_there()
    {
        Span<byte> buffer = stackalloc byte[100];
        buffer.Fill(0xFF);
        var writer = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, s_id);
        writer.WriteText(StunAttributeType.Username, "a");
        Assert.Equal([0x00, 0x06, 0x00, 0x01, 0x61, 0x00, 0x00, 0x00], writer.Written[20..].ToArray());
    }

    [Fact]
    public void A_buffer_that_is_too_small_is_the_callers_error()
    {
        Assert.Throws<ArgumentOutOfRangeException>(static () =>
        {
            var writer = new StunWriter(new byte[24], StunClass.Request, StunMethod.Binding, s_id);
            writer.WriteUInt32(StunAttributeType.Priority, 1);
        });
    }

    /// <summary>The receive path and the send path of one check, as in ICE.</summary>
    [Fact]
    public void Reading_and_writing_allocate_nothing()
    {
        byte[] received = [.. StunVectors.SampleRequest];
        byte[] key = System.Text.Encoding.UTF8.GetBytes(StunVectors.Password);
        byte[] buffer = new byte[300];
        var address = TransportAddress.Parse("[2001:db8::1]:5000");
        int good = 0, read = 0;
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                read++;
                if (!StunReader.TryParse(received, out var message)) break;
                if (message.HasValidIntegrity(key) && message.HasValidFingerprint() && message.TryGetUInt32(StunAttributeType.Priority, out _)) good++;
                var writer = new StunWriter(buffer, StunClass.SuccessResponse, StunMethod.Binding, message.TransactionId);
                writer.WriteXorAddress(StunAttributeType.XorMappedAddress, address);
                writer.WriteText(StunAttributeType.Username, "evtj:h6vY");
                writer.WriteErrorCode(StunErrorCode.BadRequest);
                writer.WriteIntegrity(key);
                writer.WriteIntegritySha256(key);
                writer.WriteFingerprint();
            }
        }));
        Assert.Equal(read, good);
        Assert.Equal(StunVectors.SampleRequest, received); // reading changes nothing
    }
}
