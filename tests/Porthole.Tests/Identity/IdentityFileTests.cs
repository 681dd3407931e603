using System.Runtime.Versioning;
using Porthole.Identity;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Runtime;

namespace Porthole.Tests.Identity;

[UnsupportedOSPlatform("windows")]
public sealed class IdentityFileTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_new_identity_is_written_once_and_read_ever_after()
    {
        string path = _directory.File("deep/er/identity");
        using var created = IdentityFile.LoadOrCreate(path, OperatingSystemEntropy.Instance);
        using var loaded = IdentityFile.LoadOrCreate(path, OperatingSystemEntropy.Instance);
        using var again = IdentityFile.Load(path);
        Assert.Equal(created.PeerId, loaded.PeerId);
        Assert.Equal(created.PublicKey, again.PublicKey);
    }

    [Fact]
    public void Only_the_owner_may_use_file_and_directory()
    {
        string path = _directory.File("porthole/identity");
        using var created = IdentityFile.LoadOrCreate(path, OperatingSystemEntropy.Instance);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(path)!));
        Assert.Equal(["identity"], Directory.GetFiles(Path.GetDirectoryName(path)!).Select(Path.GetFileName));
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.OtherWrite)]
    public void A_file_that_others_may_use_is_refused_with_the_cure(UnixFileMode extra)
    {
        string path = _directory.File("identity");
        IdentityFile.LoadOrCreate(path, OperatingSystemEntropy.Instance).Dispose();
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | extra);
        Assert.Contains($"chmod 600 {path}", Fail(path).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing but a comment\n")]
    [InlineData("porthole-identity-1\n")]
    [InlineData("porthole-identity-1 AAAA\n")]
    [InlineData("porthole-identity-1 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")]
    [InlineData("porthole-identity-1 //////////////////////////////////////////8=\n")]
    [InlineData("porthole-identity-2 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n")]
    [InlineData("-----BEGIN PRIVATE KEY-----\n")]
    [InlineData("\0\0\0\0")]
    public void A_damaged_file_is_an_error_of_one_line_and_stays_as_it_is(string content)
    {
        string path = _directory.File("identity");
        File.WriteAllText(path, content);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var error = Fail(path);
        Assert.DoesNotContain('\n', error.Message);
        Assert.Equal(error.Message, Assert.Throws<PeerException>(() => IdentityFile.LoadOrCreate(path, OperatingSystemEntropy.Instance)).Message);
        Assert.Equal(content, File.ReadAllText(path));
    }

    [Fact]
    public void A_huge_file_a_directory_and_no_file_are_errors()
    {
        string path = _directory.File("identity");
        Assert.Contains("no such file", Fail(path).Message, StringComparison.Ordinal);
        File.WriteAllText(path, new string('#', 100_000));
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Contains("too long", Fail(path).Message, StringComparison.Ordinal);
        File.Delete(path);
        Directory.CreateDirectory(path);
        Assert.Equal(PeerError.BadFile, Assert.Throws<PeerException>(() => IdentityFile.LoadOrCreate(path, OperatingSystemEntropy.Instance)).Error);
    }

    [Fact]
    public async Task Many_that_create_at_once_agree_on_one_identity()
    {
        string path = _directory.File("identity");
        var ids = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() =>
        {
            using var key = IdentityFile.LoadOrCreate(path, OperatingSystemEntropy.Instance);
            return key.PeerId;
        })));
        Assert.Single(ids.Distinct());
        Assert.Equal(["identity"], _directory.Names);
    }

    [Fact]
    public void The_key_in_the_file_is_the_scalar()
    {
        string path = _directory.File("identity");
        File.WriteAllText(path, "# a comment\n\nporthole-identity-1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var key = IdentityFile.Load(path);
        Assert.Equal(Enumerable.Repeat((byte)1, IdentityKey.ScalarSize), key.ExportScalar());
    }

    private static PeerException Fail(string path)
    {
        var error = Assert.Throws<PeerException>(() => IdentityFile.Load(path));
        Assert.Equal(PeerError.BadFile, error.Error);
        Assert.Contains(path, error.Message, StringComparison.Ordinal);
        return error;
    }
}
