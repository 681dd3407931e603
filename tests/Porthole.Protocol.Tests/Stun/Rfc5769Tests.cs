using System.Text;
using Porthole.Protocol.Stun;
using Porthole.Protocol.Tests.Vectors;

namespace Porthole.Protocol.Tests.Stun;

public sealed class Rfc5769Tests
{
    private static readonly byte[] s_key = Encoding.UTF8.GetBytes(StunVectors.Password);

    [Fact]
    public void The_sample_request_is_read()
    {
        Assert.True(StunReader.TryParse(StunVectors.SampleRequest, out var message));
        Assert.Equal(StunClass.Request, message.Class);
        Assert.Equal(StunMethod.Binding, message.Method);
        Assert.Equal("b7e7a701bc34d686fa87dfae", message.TransactionId.ToString());
        Assert.True(message.TryGetBytes(StunAttributeType.Software, out var software));
        Assert.Equal("STUN test client", Encoding.UTF8.GetString(software));
        Assert.True(message.TryGetUInt32(StunAttributeType.Priority, out uint priority));
        Assert.Equal(0x6E00_01FFu, priority);
        Assert.True(message.TryGetUInt64(StunAttributeType.IceControlled, out ulong tieBreaker));
        Assert.Equal(0x932F_F9B1_5126_3B36u, tieBreaker);
        Assert.True(message.TryGetBytes(StunAttributeType.Username, out var username));
        Assert.Equal("evtj:h6vY", Encoding.UTF8.GetString(username));
        Assert.True(message.HasValidIntegrity(s_key));
        Assert.True(message.HasValidFingerprint());
    }

    [Fact]
    public void The_sample_IPv4_response_is_read() => ReadResponse(StunVectors.SampleIPv4Response, "192.0.2.1:32853");

    [Fact]
    public void The_sample_IPv6_response_is_read() => ReadResponse(StunVectors.SampleIPv6Response, "[2001:db8:1234:5678:11:2233:4455:6677]:32853");

    [Fact]
    public void The_sample_request_with_long_term_authentication_is_read()
    {
        Assert.True(StunReader.TryParse(StunVectors.LongTermRequest, out var message));
        Assert.True(message.TryGetBytes(StunAttributeType.Username, out var username));
        Assert.Equal("マトリックス", Encoding.UTF8.GetString(username));
        Assert.True(message.TryGetBytes(StunAttributeType.Nonce, out var nonce));
        Assert.Equal("f//499k954d6OL34oL9FSTvy64sA", Encoding.UTF8.GetString(nonce));
        Assert.True(message.TryGetBytes(StunAttributeType.Realm, out var realm));
        Assert.Equal("example.org", Encoding.UTF8.GetString(realm));
        Assert.True(message.HasValidIntegrity(StunVectors.LongTermKey));
        Assert.False(message.HasValidFingerprint()); // it has none
    }

    [Fact]
    public void The_sample_request_with_SHA_256_is_read()
    {
        Assert.True(StunReader.TryParse(StunVectors.LongTermSha256Request, out var message));
        Assert.True(message.HasValidIntegritySha256(StunVectors.LongTermKey));
        Assert.False(message.HasValidIntegrity(StunVectors.LongTermKey));
    }

    /// <summary>The RFC pads with spaces, we with zeros (RFC 8489 section 14): everything before the first padding is the same, and so are all lengths.</summary>
    [Fact]
    public void The_sample_request_is_written()
    {
        Assert.True(StunReader.TryParse(StunVectors.SampleRequest, out var sample));
        var writer = new StunWriter(stackalloc byte[200], StunClass.Request, StunMethod.Binding, sample.TransactionId);
        writer.WriteText(StunAttributeType.Software, "STUN test client");
        writer.WriteUInt32(StunAttributeType.Priority, 0x6E00_01FF);
        writer.WriteUInt64(StunAttributeType.IceControlled, 0x932F_F9B1_5126_3B36);
        writer.WriteText(StunAttributeType.Username, "evtj:h6vY");
        writer.WriteIntegrity(s_key);
        writer.WriteFingerprint();

        Assert.Equal(StunVectors.SampleRequest.Length, writer.Length);
        Assert.Equal(StunVectors.SampleRequest[..73], writer.Written[..73].ToArray());
        Assert.True(StunReader.TryParse(writer.Written, out var written));
        Assert.True(written.HasValidIntegrity(s_key));
        Assert.True(written.HasValidFingerprint());
    }

    [Fact]
    public void The_sample_request_with_long_term_authentication_is_written_byte_for_byte()
    {
        Assert.True(StunReader.TryParse(StunVectors.LongTermRequest, out var sample));
        var writer = new StunWriter(stackalloc byte[200], StunClass.Request, StunMethod.Binding, sample.TransactionId);
        writer.WriteText(StunAttributeType.Username, "マトリックス");
        writer.WriteText(StunAttributeType.Nonce, "f//499k954d6OL34oL9FSTvy64sA");
        writer.WriteText(StunAttributeType.Realm, "example.org");
        writer.WriteIntegrity(StunVectors.LongTermKey);

        Assert.Equal(StunVectors.LongTermRequest, writer.Written.ToArray());
    }

    [Fact]
    public void The_sample_request_with_SHA_256_is_written_byte_for_byte()
    {
        Assert.True(StunReader.TryParse(StunVectors.LongTermSha256Request, out var sample));
        Assert.True(sample.TryGetBytes((StunAttributeType)0x001E, out var userHash));
        var writer = new StunWriter(stackalloc byte[200], StunClass.Request, StunMethod.Binding, sample.TransactionId);
        writer.WriteBytes((StunAttributeType)0x001E, userHash);
        writer.WriteText(StunAttributeType.Nonce, "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA");
        writer.WriteText(StunAttributeType.Realm, "example.org");
        writer.WriteIntegritySha256(StunVectors.LongTermKey);

        Assert.Equal(StunVectors.LongTermSha256Request, writer.Written.ToArray());
    }

    [Fact]
    public void Any_changed_byte_before_the_integrity_breaks_it()
    {
        foreach (byte[] sample in StunVectors.All)
        {
            byte[] key = sample == StunVectors.LongTermRequest || sample == StunVectors.LongTermSha256Request ? StunVectors.LongTermKey : s_key;
            byte[] changed = [.. sample];
            for (int i = 0; i < changed.Length; i++)
            {
                changed[i] ^= 0x01;
                if (StunReader.TryParse(changed, out var message) && !IsFingerprint(sample, i))
                {
                    Assert.False(message.HasValidIntegrity(key) || message.HasValidIntegritySha256(key));
                }

                if (StunReader.TryParse(changed, out message)) Assert.False(message.HasValidFingerprint());
                changed[i] ^= 0x01;
            }
        }
    }

    private static bool IsFingerprint(byte[] sample, int index) => index >= sample.Length - 8 && sample[^8] == 0x80 && sample[^7] == 0x28;

    private static void ReadResponse(byte[] response, string mapped)
    {
        Assert.True(StunReader.TryParse(response, out var message));
        Assert.Equal(StunClass.SuccessResponse, message.Class);
        Assert.Equal(StunMethod.Binding, message.Method);
        Assert.True(message.TryGetBytes(StunAttributeType.Software, out var software));
        Assert.Equal("test vector", Encoding.UTF8.GetString(software));
        Assert.True(message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var address));
        Assert.Equal(TransportAddress.Parse(mapped), address);
        Assert.True(message.HasValidIntegrity(s_key));
        Assert.True(message.HasValidFingerprint());
    }
}
