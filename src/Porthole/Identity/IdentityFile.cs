using System.Security.Cryptography;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;

namespace Porthole.Identity;

/// <summary>
/// A peer's identity as a file: the private key, 32 bytes in base64, behind a word that names the form. Its owner alone may read it; a file that others may read is
/// refused, because its key may no longer be secret.
/// </summary>
public static class IdentityFile
{
    /// <summary>The first word of the line with the key.</summary>
    private const string Form = "porthole-identity-1";

    /// <summary>Nothing that is an identity is longer.</summary>
    private const int MaxLength = 4_096;

    /// <summary>The file of a user's identity.</summary>
    public static string DefaultPath => Path.Combine(PortholeDirectory.Default, "identity");

    /// <summary>Reads an identity, or draws one and writes it if there is no file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="entropy">Where a new key comes from.</param>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: the file cannot be read or written, is damaged, or others may read it.</exception>
    public static IdentityKey LoadOrCreate(string path, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(entropy);
        if (!File.Exists(path))
        {
            var key = IdentityKey.Generate(entropy);
            if (TryWrite(path, key)) return key;
            key.Dispose(); // another process was first; its key is the identity
        }

        return Load(path);
    }

    /// <summary>Reads an identity.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: there is no such file, it cannot be read, is damaged, or others may read it.</exception>
    public static IdentityKey Load(string path)
    {
        try
        {
            if (!File.Exists(path)) throw Bad(path, "there is no such file; check the path, or create an identity with 'porthole id'");
            if (OwnerFile.IsOpenToOthers(path)) throw Bad(path, $"others may read it; if nobody did, run: chmod 600 {path}");
            if (new FileInfo(path).Length > MaxLength) throw Bad(path, "it is too long to be one");
            foreach (string line in File.ReadLines(path))
            {
                if (line.Length == 0 || line[0] == '#') continue;
                return Parse(line) ?? throw Bad(path, "its content is damaged; restore it from a copy, or move it away to get a new identity");
            }
        }
        catch (Exception exception) when (exception is IOException and not PeerException or UnauthorizedAccessException)
        {
            throw Bad(path, exception.Message.TrimEnd('.'), exception);
        }

        throw Bad(path, "it is empty; restore it from a copy, or move it away to get a new identity");
    }

    private static IdentityKey? Parse(string line)
    {
        if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [Form, var text]) return null;
        byte[] scalar = new byte[IdentityKey.ScalarSize];
        try
        {
            return Convert.TryFromBase64String(text, scalar, out int length) && IdentityKey.TryImport(scalar.AsSpan(0, length), out var key) ? key : null;
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    private static bool TryWrite(string path, IdentityKey key)
    {
        byte[] scalar = key.ExportScalar();
        try
        {
            return OwnerFile.Write(path, $"# The identity of {key.PeerId}. Secret: whoever has this file is this peer.\n{Form} {Convert.ToBase64String(scalar)}\n", replace: false);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw Bad(path, exception.Message.TrimEnd('.'), exception);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(scalar);
        }
    }

    private static PeerException Bad(string path, string why, Exception? inner = null) =>
        new(PeerError.BadFile, $"The identity file {path} cannot be used: {why}.", inner);
}
