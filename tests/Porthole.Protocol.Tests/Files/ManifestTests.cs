using Porthole.Protocol.Files;

namespace Porthole.Protocol.Tests.Files;

public sealed class ManifestTests
{
    [Fact]
    public void Entries_come_back_as_they_were_written_however_they_are_cut()
    {
        var manifest = Plant(seed: 1, entries: 5_000);
        foreach (int size in (int[])[FileLimits.MaxBatch, 1_000, 300])
        {
            var copy = new Manifest();
            byte[] buffer = new byte[size];
            for (int next = 0; next < manifest.Count;)
            {
                int before = next;
                next = manifest.Encode(next, buffer, out int written);
                Assert.True(next > before && written <= size);
                Assert.Equal(ManifestFault.None, copy.AddEncoded(buffer.AsSpan(0, written)));
            }

            Assert.Equal((manifest.Count, manifest.Roots, manifest.Folders, manifest.TotalBytes), (copy.Count, copy.Roots, copy.Folders, copy.TotalBytes));
            Assert.Equal(manifest.Digest(), copy.Digest());
            for (int i = 0; i < copy.Count; i++) Assert.Equal(manifest[i], copy[i]);
        }
    }

    [Fact]
    public void A_million_entries_stay_small_in_memory()
    {
        var source = new Manifest();
        Add(source, Folder(-1, "root"));
        for (int i = 1; i < FileLimits.MaxEntries; i++) Add(source, File(0, $"a name of some twenty letters {i:D7}"));
        var copy = new Manifest();
        byte[] buffer = new byte[FileLimits.MaxBatch];
        long taken = 0;
        for (int next = 0; next < source.Count;)
        {
            next = source.Encode(next, buffer, out int written);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(ManifestFault.None, copy.AddEncoded(buffer.AsSpan(0, written)));
            taken += GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(FileLimits.MaxEntries, copy.Count);
        Assert.InRange(taken, 30 << 20, 100 << 20); // names of 37 bytes, and what stands beside each
    }

    [Fact]
    public void Paths_and_roots_follow_the_parents()
    {
        var manifest = new Manifest();
        Add(manifest, Folder(-1, "a"), File(-1, "b"), Folder(0, "c"), File(2, "d"));
        Assert.Equal("a/c/d", manifest.PathOf(3));
        Assert.Equal(@"x\c\d", manifest.PathOf(3, '\\', "x"));
        Assert.Equal((0, 1, 0), (manifest.RootOf(3), manifest.RootOf(1), manifest.RootOf(0)));
    }

    [Fact]
    public void Each_rule_has_an_edge()
    {
        Reject(ManifestFault.Name, File(-1, ".."));
        Reject(ManifestFault.Name, File(-1, "a/b"));
        Reject(ManifestFault.Name, File(-1, "x.porthole-part"));
        Reject(ManifestFault.Parent, File(0, "a"));
        Reject(ManifestFault.Parent, File(-1, "a"), File(0, "b"));
        Reject(ManifestFault.OrderOrDuplicate, File(-1, "a"), File(-1, "A"));
        Reject(ManifestFault.OrderOrDuplicate, File(-1, "A"), File(-1, "a")); // the order of their codes, and one name to some disks
        Reject(ManifestFault.OrderOrDuplicate, File(-1, "\u00C9t\u00E9"), Folder(-1, "\u00E9T\u00C9"));
        Reject(ManifestFault.OrderOrDuplicate, File(-1, "b"), File(-1, "a"));
        Reject(ManifestFault.OrderOrDuplicate, Folder(-1, "a"), File(0, "b"), File(-1, "c"));
        Reject(ManifestFault.Size, File(-1, "a") with { Size = -1 });
        Reject(ManifestFault.Size, File(-1, "a") with { Size = FileLimits.MaxBytes + 1 });
        Reject(ManifestFault.Size, File(-1, "a") with { Size = FileLimits.MaxBytes }, File(-1, "b") with { Size = 1 });
        Reject(ManifestFault.Size, Folder(-1, "a") with { Size = 1 });
        Reject(ManifestFault.Mode, File(-1, "a") with { Mode = 0x200 });
        Reject(ManifestFault.Time, File(-1, "a") with { Modified = ManifestEntry.MinModified - 1 });
        Reject(ManifestFault.Time, File(-1, "a") with { Modified = ManifestEntry.MaxModified + 1 });
        Accept(File(-1, "a") with { Size = FileLimits.MaxBytes, Mode = 0x1FF, Modified = ManifestEntry.MaxModified });
        Accept(Folder(-1, "a") with { Mode = ManifestEntry.NoMode, Modified = ManifestEntry.MinModified });

        Accept([.. Enumerable.Range(0, FileLimits.MaxDepth).Select(i => Folder(i - 1, "d"))]);
        Reject(ManifestFault.TooDeep, [.. Enumerable.Range(0, FileLimits.MaxDepth + 1).Select(i => Folder(i - 1, "d"))]);
        string name = new('n', 255); // with its slash 256: sixteen fill the path but for the last slash
        Accept([.. Enumerable.Range(0, 16).Select(i => Folder(i - 1, name))]);
        Reject(ManifestFault.PathTooLong, [.. Enumerable.Range(0, 16).Select(i => Folder(i - 1, name)), File(15, "x")]);
        Accept([.. Enumerable.Range(0, FileLimits.MaxRoots).Select(i => File(-1, $"{i:D6}"))]);
        Reject(ManifestFault.TooManyRoots, [.. Enumerable.Range(0, FileLimits.MaxRoots + 1).Select(i => File(-1, $"{i:D6}"))]);

        var small = new Manifest(maxEntries: 2);
        Add(small, File(-1, "a"), File(-1, "b"));
        Assert.Equal(ManifestFault.TooMany, small.Add(File(-1, "c")));
    }

    [Fact]
    public void All_names_together_have_a_limit()
    {
        var manifest = new Manifest();
        Add(manifest, Folder(-1, "root"));
        string padding = new('x', 248);
        long bytes = 4;
        for (int i = 0; ; i++)
        {
            var fault = manifest.Add(File(0, $"{i:D7}{padding}"));
            if (fault == ManifestFault.None)
            {
                bytes += 255;
                continue;
            }

            Assert.Equal(ManifestFault.TooManyBytes, fault);
            Assert.InRange(bytes, FileLimits.MaxNameBytes - 255, FileLimits.MaxNameBytes);
            break;
        }
    }

    [Fact]
    public void Damaged_bytes_never_throw_and_never_break_a_rule()
    {
        byte[] batch = new byte[FileLimits.MaxBatch];
        Plant(seed: 2, entries: 40).Encode(0, batch, out int written);
        var random = new Random(3);
        for (int round = 0; round < 20_000; round++)
        {
            byte[] damaged = batch.AsSpan(0, written).ToArray();
            for (int i = random.Next(1, 6); i > 0; i--) damaged[random.Next(damaged.Length)] = (byte)random.Next(256);
            var manifest = new Manifest();
            manifest.AddEncoded(damaged.AsSpan(0, random.Next(damaged.Length + 1)));
            for (int i = 0; i < manifest.Count; i++)
            {
                var entry = manifest[i];
                Assert.True(entry.Parent < i && (entry.Parent < 0 || manifest.IsFolder(entry.Parent)));
                Assert.Equal(EntryNameFault.None, EntryName.Check(entry.Name, windows: false));
                Assert.True(entry.Size >= 0 && (entry.Mode == ManifestEntry.NoMode || entry.Mode <= ManifestEntry.ModeMask));
            }
        }
    }

    [Fact]
    public void A_known_tree_has_a_known_listing()
    {
        var manifest = new Manifest();
        Add(manifest, Folder(-1, "box"), File(-1, "note"), File(0, "a"), Folder(0, "empty"));
        var hashes = new FileHashes(manifest.Count);
        byte[] a = System.Security.Cryptography.SHA256.HashData("a"u8), note = System.Security.Cryptography.SHA256.HashData("note"u8);
        hashes.Set(1, note);
        hashes.Set(2, a);
        byte[]?[] roots = new byte[2][];
        byte[] all = TreeListing.Hash(manifest, hashes, static _ => true, roots);
        string box = $"folder  box\n{Convert.ToHexStringLower(a)}  box/a\nfolder  box/empty\n";
        Assert.Equal(Hash($"folder  box\n{Convert.ToHexStringLower(note)}  note\n{Convert.ToHexStringLower(a)}  box/a\nfolder  box/empty\n"), all);
        Assert.Equal(Hash(box), roots[0]);
        Assert.Null(roots[1]);
        Assert.Equal(Hash(box), TreeListing.Hash(manifest, hashes, static root => root == 0));
        hashes.Clear(2);
        Assert.Equal(Hash("folder  box\nfolder  box/empty\n"), TreeListing.Hash(manifest, hashes, static root => root == 0));

        static byte[] Hash(string text) => System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(text));
    }

    private static ManifestEntry File(int parent, string name) => new(false, parent, name, 1, 0, 0x1A4);

    private static ManifestEntry Folder(int parent, string name) => new(true, parent, name, 0, 0, 0x1ED);

    private static void Add(Manifest manifest, params ManifestEntry[] entries)
    {
        foreach (var entry in entries) Assert.Equal(ManifestFault.None, manifest.Add(entry));
    }

    private static void Accept(params ManifestEntry[] entries) => Add(new Manifest(), entries);

    private static void Reject(ManifestFault fault, params ManifestEntry[] entries)
    {
        var manifest = new Manifest();
        Add(manifest, entries[..^1]);
        Assert.Equal(fault, manifest.Add(entries[^1]));
        Assert.Equal(entries.Length - 1, manifest.Count);
    }

    private static Manifest Plant(int seed, int entries)
    {
        var random = new Random(seed);
        var manifest = new Manifest();
        Add(manifest, Folder(-1, "root"), Folder(-1, "zweite"));
        for (int folder = 0; manifest.Count < entries; folder++)
        {
            if (!manifest.IsFolder(folder)) continue;
            for (int i = 0; i < 30; i++)
            {
                var entry = i < 3 ? Folder(folder, $"{i:D3} 文件") : File(folder, $"{i:D3} {new string('ä', random.Next(50))}") with { Size = random.NextInt64(1L << 40), Modified = random.NextInt64(ManifestEntry.MinModified, ManifestEntry.MaxModified) };
                if (manifest.Add(entry) is ManifestFault.TooDeep or ManifestFault.PathTooLong) break;
            }
        }

        return manifest;
    }
}
