namespace Porthole.NetworkTests.Cli;

/// <summary>Codes to be wrong with.</summary>
internal static class PairingCodes
{
    /// <summary>A well-formed code with the same public part and another secret.</summary>
    public static string Sibling(string code)
    {
        const string alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
        char[] other = code.Replace("-", "", StringComparison.Ordinal).ToCharArray();
        other[8] = alphabet[(alphabet.IndexOf(other[8], StringComparison.Ordinal) + 1) % 32];
        int sum = 0;
        foreach (char character in other[..^1]) sum = Shift(sum) ^ alphabet.IndexOf(character, StringComparison.Ordinal);
        other[^1] = alphabet[Shift(sum)];
        return new string(other);

        static int Shift(int value) => (value & 16) == 0 ? value << 1 : (value << 1) ^ 37;
    }
}
