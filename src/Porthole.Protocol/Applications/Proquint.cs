namespace Porthole.Protocol.Applications;

/// <summary>
/// Bytes as words that can be spoken: proquints (arXiv 0901.4016). 16 bits are five letters, consonant and vowel in turn, so the words belong to no language, and no list of them
/// is needed.
/// </summary>
public static class Proquint
{
    /// <summary>The bytes of a word.</summary>
    public const int BytesPerWord = 2;

    /// <summary>The letters of a word.</summary>
    public const int WordLength = 5;

    /// <summary>Four bits each.</summary>
    private const string Consonants = "bdfghjklmnprstvz";

    /// <summary>Two bits each.</summary>
    private const string Vowels = "aiou";

    /// <summary>Writes bytes as words with a dash between them; <c>127.0.0.1</c> is <c>lusab-babad</c>.</summary>
    /// <param name="bytes">Two for each word.</param>
    /// <exception cref="ArgumentException">Their number is odd.</exception>
    public static string Write(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length % BytesPerWord != 0) throw new ArgumentException("A word has two bytes.", nameof(bytes));
        if (bytes.IsEmpty) return "";
        char[] text = new char[bytes.Length / BytesPerWord * (WordLength + 1) - 1];
        Array.Fill(text, '-');
        for (int i = 0; i < bytes.Length; i += BytesPerWord)
        {
            int value = (bytes[i] << 8) | bytes[i + 1];
            var word = text.AsSpan(i / BytesPerWord * (WordLength + 1), WordLength);
            word[0] = Consonants[value >> 12];
            word[1] = Vowels[(value >> 10) & 3];
            word[2] = Consonants[(value >> 6) & 15];
            word[3] = Vowels[(value >> 4) & 3];
            word[4] = Consonants[value & 15];
        }

        return new string(text);
    }
}
