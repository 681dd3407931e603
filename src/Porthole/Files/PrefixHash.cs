using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>The running SHA-256 of a file from its beginning, known at the end of each chunk.</summary>
internal sealed class PrefixHash : IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    /// <summary>How far the file was hashed.</summary>
    public long Offset { get; private set; }

    /// <summary>Takes more of the file.</summary>
    public void Append(ReadOnlySpan<byte> data)
    {
        _hash.AppendData(data);
        Offset += data.Length;
    }

    /// <summary>Writes the hash of everything so far.</summary>
    public void Write(Span<byte> destination) => _hash.GetCurrentHash(destination);

    /// <summary>Begins anew.</summary>
    public void Reset()
    {
        if (Offset > 0) _hash.GetHashAndReset();
        Offset = 0;
    }

    /// <summary>Hashes a file from where this stands up to an offset.</summary>
    /// <returns>False when the file is shorter.</returns>
    public bool ReadTo(SafeFileHandle file, long offset, byte[] buffer)
    {
        while (Offset < offset)
        {
            int read = RandomAccess.Read(file, buffer.AsSpan(0, (int)Math.Min(buffer.Length, offset - Offset)), Offset);
            if (read == 0) return false;
            Append(buffer.AsSpan(0, read));
        }

        return true;
    }

    /// <summary>The end of the chunk that begins where this stands, of so much of a file.</summary>
    public long NextEnd(long length) => Math.Min(length, (Offset / FileLimits.ChunkSize + 1) * FileLimits.ChunkSize);

    /// <inheritdoc/>
    public void Dispose() => _hash.Dispose();
}
