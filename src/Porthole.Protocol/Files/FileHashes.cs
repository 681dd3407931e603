namespace Porthole.Protocol.Files;

/// <summary>The hashes of the files of a manifest: 32 bytes for each that is known, in blocks, so that a few of a million take little.</summary>
/// <param name="count">How many entries the manifest has.</param>
public sealed class FileHashes(int count)
{
    private const int BlockBits = 10;

    private readonly byte[]?[] _blocks = new byte[]?[(count >> BlockBits) + 1];
    private readonly System.Collections.BitArray _known = new(count);

    /// <summary>Keeps a hash.</summary>
    public void Set(int index, ReadOnlySpan<byte> hash)
    {
        var block = _blocks[index >> BlockBits] ??= new byte[FileLimits.HashSize << BlockBits];
        hash[..FileLimits.HashSize].CopyTo(block.AsSpan(Offset(index)));
        _known[index] = true;
    }

    /// <summary>The hash of a file.</summary>
    /// <returns>False when it is not known.</returns>
    public bool TryGet(int index, out ReadOnlySpan<byte> hash)
    {
        hash = _known[index] ? _blocks[index >> BlockBits].AsSpan(Offset(index), FileLimits.HashSize) : default;
        return _known[index];
    }

    /// <summary>Forgets a hash.</summary>
    public void Clear(int index) => _known[index] = false;

    private static int Offset(int index) => (index & ((1 << BlockBits) - 1)) * FileLimits.HashSize;
}
