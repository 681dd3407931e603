using System.Globalization;
using System.Text;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Stun;

/// <summary>Our constants against the registry "Session Traversal Utilities for NAT (STUN) Parameters" at IANA, as kept in Vectors.</summary>
public sealed class IanaRegistryTests
{
    private static readonly ILookup<string, (int Value, string Name)> s_registry = Load();

    [Fact]
    public void Every_method_is_the_registered_one() => Check<StunMethod>("method", []);

    [Fact]
    public void Every_attribute_is_the_registered_one() =>
        Check<StunAttributeType>("attribute", [StunAttributeType.LocalCandidate, StunAttributeType.ReflexiveProof]);

    [Fact]
    public void Every_error_is_the_registered_one() => Check<StunErrorCode>("error", [StunErrorCode.None]);

    [Theory]
    [InlineData(StunAttributeType.LocalCandidate)]
    [InlineData(StunAttributeType.ReflexiveProof)]
    public void Our_own_attributes_are_free_and_may_be_skipped(StunAttributeType type)
    {
        Assert.DoesNotContain(s_registry["attribute"], row => row.Value == (int)type);
        Assert.InRange((int)type, 0xC000, 0xFFFF); // designated expert range, comprehension-optional (RFC 8489 section 18.3)
        Assert.False(type.IsComprehensionRequired);
    }

    [Fact]
    public void The_reason_phrases_are_the_registered_ones()
    {
        foreach (var (value, name) in s_registry["error"].Where(static row => Enum.IsDefined((StunErrorCode)row.Value)))
        {
            Assert.Equal(name, Encoding.UTF8.GetString(((StunErrorCode)value).Reason));
        }
    }

    private static void Check<T>(string registry, T[] ours)
        where T : struct, Enum
    {
        foreach (var member in Enum.GetValues<T>().Except(ours))
        {
            int value = Convert.ToInt32(member, CultureInfo.InvariantCulture);
            Assert.Equal(Normalize(Assert.Single(s_registry[registry], row => row.Value == value).Name), Normalize(member.ToString()));
        }
    }

    private static string Normalize(string name) => name.Replace("-", "", StringComparison.Ordinal).Replace(" ", "", StringComparison.Ordinal).ToUpperInvariant();

    private static ILookup<string, (int Value, string Name)> Load()
    {
        using var stream = typeof(IanaRegistryTests).Assembly.GetManifestResourceStream("iana-stun-parameters.csv")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(static line => line.Split(','))
            .ToLookup(static fields => fields[0], static fields => (ReadNumber(fields[1]), fields[2]));
    }

    private static int ReadNumber(string text) => text.StartsWith("0x", StringComparison.Ordinal)
        ? int.Parse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)
        : int.Parse(text, CultureInfo.InvariantCulture);
}
