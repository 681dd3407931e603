using System.Numerics;
using Porthole.Protocol.Noise;

namespace Porthole.Protocol.Tests.Noise;

public sealed class IdentityKeyTests
{
    private const string Order = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    private const string OrderMinusOne = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
    private const string Prime = "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";

    // SEC 2 section 2.4.2: the base point, which is the public key of the scalar 1.
    private const string BasePoint = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

    [Fact]
    public void The_public_key_of_one_is_the_base_point()
    {
        Assert.True(IdentityKey.TryImport([.. new byte[31], 1], out var key));
        Assert.Equal(BasePoint, Convert.ToHexStringLower(key.PublicKey.Bytes));
        Assert.Equal(key.PublicKey.PeerId, key.PeerId);
    }

    [Theory]
    [InlineData("0000000000000000000000000000000000000000000000000000000000000000")]
    [InlineData(Order)]
    [InlineData("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff")]
    [InlineData("ffffffff00000001000000000000000000000000000000000000000000000000")]
    [InlineData("01")]
    [InlineData("")]
    public void What_is_no_scalar_of_the_group_is_refused(string scalar) =>
        Assert.False(IdentityKey.TryImport(Convert.FromHexString(scalar), out _));

    [Fact]
    public void The_largest_scalar_is_taken()
    {
        Assert.True(IdentityKey.TryImport(Convert.FromHexString(OrderMinusOne), out var key));
        Assert.Equal(OrderMinusOne, Convert.ToHexStringLower(key.ExportScalar()));
    }

    [Fact]
    public void Keys_are_drawn_until_a_scalar_lies_below_the_order()
    {
        byte[] scalar = [.. new byte[31], 7];
        var entropy = new ScriptedEntropy(Convert.FromHexString(Order), new byte[32], Convert.FromHexString("ff".PadRight(64, 'f')), scalar);
        using var key = IdentityKey.Generate(entropy);
        Assert.Equal(scalar, key.ExportScalar());
        Assert.Equal(0, entropy.Left);
    }

    [Fact]
    public void A_key_survives_export_and_import()
    {
        for (ulong seed = 0; seed < 50; seed++)
        {
            using var key = IdentityKey.Generate(new TestEntropy(seed));
            Assert.Equal(IdentityKey.ScalarSize, key.ExportScalar().Length);
            Assert.True(IdentityKey.TryImport(key.ExportScalar(), out var same));
            Assert.Equal(key.PublicKey, same.PublicKey);
        }
    }

    [Fact]
    public void The_private_key_never_prints()
    {
        using var key = IdentityKey.Generate(new TestEntropy(1));
        string scalar = Convert.ToHexString(key.ExportScalar());
        Assert.Equal($"IdentityKey({key.PeerId})", key.ToString());
        Assert.DoesNotContain(scalar, key.ToString(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void A_point_off_the_curve_is_not_usable()
    {
        byte[] point = Convert.FromHexString(BasePoint);
        Assert.True(IdentityKey.IsUsable(Point(point)));
        point[^1] ^= 1;
        Assert.False(IdentityKey.IsUsable(Point(point)));
        Assert.False(IdentityKey.IsUsable(Point([4, .. new byte[64]])));
        Assert.False(IdentityKey.IsUsable(Point([4, .. Enumerable.Repeat((byte)0xFF, 64)])));
    }

    [Fact]
    public void A_coordinate_that_is_not_below_the_prime_is_not_usable()
    {
        // y^2 = x^3 - 3x + b has solutions for small x; x + p still fits 32 bytes and names the same point a second time.
        var p = BigInteger.Parse("0" + Prime, System.Globalization.NumberStyles.HexNumber, null);
        var b = BigInteger.Parse("05ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b", System.Globalization.NumberStyles.HexNumber, null);
        int found = 0;
        for (BigInteger x = 0; found < 3; x++)
        {
            var square = (BigInteger.ModPow(x, 3, p) - (3 * x) + b + (3 * p)) % p;
            var y = BigInteger.ModPow(square, (p + 1) / 4, p); // p is 3 modulo 4
            if (y * y % p != square) continue;
            found++;
            Assert.True(IdentityKey.IsUsable(Point([4, .. Bytes(x), .. Bytes(y)])));
            Assert.False(IdentityKey.IsUsable(Point([4, .. Bytes(x + p), .. Bytes(y)])));
        }
    }

    private static byte[] Bytes(BigInteger value)
    {
        byte[] bytes = value.ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[32 - bytes.Length], .. bytes];
    }

    private static PublicKey Point(byte[] bytes)
    {
        Assert.True(PublicKey.TryCreate(bytes, out var key));
        return key;
    }
}
