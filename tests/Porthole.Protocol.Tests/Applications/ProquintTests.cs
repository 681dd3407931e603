using System.Buffers.Binary;
using System.Net;
using Porthole.Protocol.Applications;

namespace Porthole.Protocol.Tests.Applications;

public sealed class ProquintTests
{
    /// <summary>The examples of arXiv 0901.4016.</summary>
    [Theory]
    [InlineData("127.0.0.1", "lusab-babad")]
    [InlineData("63.84.220.193", "gutih-tugad")]
    [InlineData("63.118.7.35", "gutuk-bisog")]
    [InlineData("140.98.193.141", "mudof-sakat")]
    [InlineData("64.255.6.200", "haguz-biram")]
    [InlineData("128.30.52.45", "mabiv-gibot")]
    [InlineData("147.67.119.2", "natag-lisaf")]
    [InlineData("212.58.253.68", "tibup-zujah")]
    [InlineData("216.35.68.215", "tobog-higil")]
    [InlineData("216.68.232.21", "todah-vobij")]
    [InlineData("198.81.129.136", "sinid-makam")]
    [InlineData("12.110.110.204", "budov-kuras")]
    public void The_published_addresses_are_the_published_words(string address, string words) => Assert.Equal(words, Proquint.Write(IPAddress.Parse(address).GetAddressBytes()));

    [Fact]
    public void Every_value_has_a_word_of_its_own_that_can_be_spoken()
    {
        var words = new HashSet<string>();
        byte[] bytes = new byte[Proquint.BytesPerWord];
        for (int value = 0; value <= ushort.MaxValue; value++)
        {
            BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)value);
            string word = Proquint.Write(bytes);
            Assert.Equal(Proquint.WordLength, word.Length);
            for (int i = 0; i < word.Length; i++) Assert.Equal(i % 2 == 1, word[i] is 'a' or 'i' or 'o' or 'u');
            words.Add(word);
        }

        Assert.Equal(ushort.MaxValue + 1, words.Count);
    }

    [Fact]
    public void Words_stand_side_by_side_and_half_a_word_is_none()
    {
        Assert.Equal("", Proquint.Write([]));
        Assert.Equal("babab-babad-zuzuz", Proquint.Write([0, 0, 0, 1, 255, 255]));
        Assert.Throws<ArgumentException>(() => Proquint.Write([1, 2, 3]));
    }
}
