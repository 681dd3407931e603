using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class PairingCodeTests
{
    private const string Sample = "7K2QD-M4TX-9WCB-J6RPG";
    private const string Alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    [Fact]
    public void A_code_survives_being_told_and_typed()
    {
        for (ulong seed = 1; seed <= 200; seed++)
        {
            var code = PairingCode.Create(new TestEntropy(seed));
            string text = code.Reveal();
            Assert.Equal((21, PairingCode.PublicLength), (text.Length, code.PublicPart.Length));
            Assert.True(PairingCode.IsPublicPart(code.PublicPart));
            foreach (string typed in new[] { text, text.ToLowerInvariant(), text.Replace("-", "", StringComparison.Ordinal), text.Replace('-', ' '), $" {text} " })
            {
                Assert.True(PairingCode.TryParse(typed, out var same, out string? reason), reason);
                Assert.Equal(code, same);
                Assert.Null(reason);
            }
        }
    }

    [Fact]
    public void Letters_that_look_like_digits_are_read_as_those()
    {
        string text = Sample.Replace("-", "", StringComparison.Ordinal);
        Assert.True(PairingCode.TryParse(Sample, out var code, out _));
        var zeros = PairingCode.Create(new ZeroEntropy());
        Assert.Equal("00000-0000-0000-00000", zeros.Reveal());
        Assert.True(PairingCode.TryParse("OoO00-0000-0000-0000o", out var same, out _));
        Assert.Equal(zeros, same);
        Assert.NotEqual(zeros, code);
        Assert.Equal(PairingCode.Length, text.Length);
    }

    [Fact]
    public void Every_single_wrong_character_and_every_two_swapped_ones_are_found()
    {
        char[] good = Sample.Replace("-", "", StringComparison.Ordinal).ToCharArray();
        for (int i = 0; i < good.Length; i++)
        {
            foreach (char other in Alphabet.Where(other => other != good[i]))
            {
                char[] wrong = [.. good];
                wrong[i] = other;
                AssertSlip(wrong);
            }

            for (int k = 0; k < i; k++)
            {
                if (good[i] == good[k]) continue;
                char[] swapped = [.. good];
                (swapped[i], swapped[k]) = (swapped[k], swapped[i]);
                AssertSlip(swapped);
            }
        }

        static void AssertSlip(char[] text)
        {
            Assert.False(PairingCode.TryParse(new string(text), out _, out string? reason));
            Assert.Contains("slip", reason, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(null, "18 letters")]
    [InlineData("", "18 letters")]
    [InlineData("7K2QD", "18 letters")]
    [InlineData(Sample + "0", "18 letters")]
    [InlineData("7K2QU-M4TX-9WCB-J6RP0", "'U'")]
    [InlineData("7K2Q!-M4TX-9WCB-J6RP0", "'!'")]
    [InlineData("7K2Q\u001b-M4TX-9WCB-J6RP0", "letters and digits only")]
    [InlineData("7K2Q\u0660-M4TX-9WCB-J6RP0", "does not occur")]
    public void What_is_no_code_is_refused_with_its_reason(string? text, string reason)
    {
        Assert.False(PairingCode.TryParse(text, out var code, out string? why));
        Assert.Null(code);
        Assert.Contains(reason, why, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', why);
    }

    [Fact]
    public void Any_text_is_read_or_refused()
    {
        var entropy = new TestEntropy(3);
        for (int round = 0; round < 20_000; round++)
        {
            char[] text = new char[entropy.NextInt32(0, 60)];
            for (int i = 0; i < text.Length; i++) text[i] = entropy.NextInt32(0, 4) > 0 ? Alphabet[entropy.NextInt32(0, 32)] : (char)entropy.NextUInt32();
            bool isRead = PairingCode.TryParse(new string(text), out var code, out string? reason);
            Assert.Equal(isRead, code is not null);
            Assert.Equal(isRead, reason is null);
        }

        Assert.False(PairingCode.TryParse(new string('0', 1_000_000), out _, out _));
    }

    /// <summary>From Python's hashlib: <c>pbkdf2_hmac('sha256', b'M4TX9WCBJ6RP', b'porthole/1 pairing 7K2QD', 600000)</c>.</summary>
    [Fact]
    public void The_key_is_the_one_of_another_implementation()
    {
        Assert.True(PairingCode.TryParse(Sample, out var code, out _));
        var key = code.DeriveKey();
        Assert.Equal("15d0f1211f96a9eddc615655b3b45abf0d22ad605f6992d5c93a12b506335ce7", Convert.ToHexStringLower(key.Key));
        Assert.Equal("7K2QD", key.PublicPart);
    }

    [Fact]
    public void Nothing_that_is_logged_by_chance_shows_the_secret()
    {
        Assert.True(PairingCode.TryParse(Sample, out var code, out _));
        Assert.Equal("7K2QD-…", code.ToString());
        Assert.Equal("7K2QD", code.DeriveKey().ToString());
    }

    private sealed class ZeroEntropy : EntropySource
    {
        public override void Fill(Span<byte> destination) => destination.Clear();
    }
}
