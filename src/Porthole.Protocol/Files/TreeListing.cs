using System.Security.Cryptography;
using System.Text;

namespace Porthole.Protocol.Files;

/// <summary>
/// The hash of a tree: the SHA-256 of a listing with a line for each entry in the order of the manifest: the file's SHA-256 in hexadecimal, or the word <c>folder</c>, two blanks,
/// and the path from the top with slashes. Files without a hash, which were not sent, are left out.
/// </summary>
public static class TreeListing
{
    /// <summary>The hash of a whole transfer, and those of its roots that are folders.</summary>
    /// <param name="manifest">The entries.</param>
    /// <param name="hashes">The hashes of the files.</param>
    /// <param name="isIncluded">Whether a root counts; one that was left out does not.</param>
    /// <param name="roots">Where the hash of each folder at the top goes; null for nowhere.</param>
    public static byte[] Hash(Manifest manifest, FileHashes hashes, Func<int, bool> isIncluded, byte[]?[]? roots = null)
    {
        ArgumentNullException.ThrowIfNull(manifest);
        ArgumentNullException.ThrowIfNull(hashes);
        ArgumentNullException.ThrowIfNull(isIncluded);
        using var all = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var single = new Dictionary<int, IncrementalHash>();
        try
        {
            string folder = string.Empty;
            int parent = -1;
            for (int i = 0; i < manifest.Count; i++)
            {
                int root = manifest.RootOf(i);
                if (!isIncluded(root)) continue;
                var entry = manifest[i];
                if (entry.Parent != parent)
                {
                    parent = entry.Parent;
                    folder = manifest.PathOf(parent) + '/';
                }

                string name;
                if (entry.IsFolder) name = "folder";
                else if (hashes.TryGet(i, out var hash)) name = Convert.ToHexStringLower(hash);
                else continue;
                byte[] line = Encoding.UTF8.GetBytes($"{name}  {folder}{entry.Name}\n");
                all.AppendData(line);
                if (roots is null || !manifest.IsFolder(root)) continue;
                if (!single.TryGetValue(root, out var one)) single[root] = one = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
                one.AppendData(line);
            }

            foreach (var (root, hash) in single) roots![root] = hash.GetHashAndReset();
            return all.GetHashAndReset();
        }
        finally
        {
            foreach (var hash in single.Values) hash.Dispose();
        }
    }
}
