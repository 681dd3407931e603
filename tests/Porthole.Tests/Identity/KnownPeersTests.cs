using System.Runtime.Versioning;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Runtime;

namespace Porthole.Tests.Identity;

[UnsupportedOSPlatform("windows")]
public sealed class KnownPeersTests : IDisposable
{
    private static readonly DateTimeOffset s_day = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly PeerId s_server = Key().PeerId;

    private readonly TemporaryDirectory _directory = new();

    private string FilePath => _directory.File("known_peers");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void The_first_key_of_a_name_is_trusted_and_another_is_an_error()
    {
        var bob = Key();
        var known = KnownPeers.Open(FilePath);
        Assert.Null(known.FindByName(s_server, "bob"));
        Assert.True(known.Trust(new KnownPeer(s_server, "Bob", bob, s_day)));
        Assert.False(known.Trust(new KnownPeer(s_server, "bob", bob, s_day.AddDays(1))));
        Assert.Equal(bob, known.FindByName(s_server, "BOB"));
        Assert.Equal(bob, known.FindById(bob.PeerId));

        var error = Assert.Throws<PeerException>(() => known.Trust(new KnownPeer(s_server, "bob", Key(), s_day)));
        Assert.Equal(PeerError.KeyChanged, error.Error);
        Assert.Contains(FilePath, error.Message, StringComparison.Ordinal);
        Assert.Equal(bob, known.FindByName(s_server, "bob"));
    }

    [Fact]
    public void A_name_at_another_server_is_another_name()
    {
        var known = KnownPeers.InMemory();
        known.Trust(new KnownPeer(s_server, "bob", Key(), s_day));
        Assert.True(known.Trust(new KnownPeer(Key().PeerId, "bob", Key(), s_day)));
    }

    [Fact]
    public void What_was_written_is_read_by_others_and_only_the_owner_may()
    {
        var (bob, nameless) = (Key(), Key());
        var writer = KnownPeers.Open(FilePath);
        var reader = KnownPeers.Open(FilePath);
        writer.Trust(new KnownPeer(s_server, "bob", bob, s_day));
        writer.Trust(new KnownPeer(s_server, null, nameless, s_day));
        Assert.False(writer.Trust(new KnownPeer(s_server, null, nameless, s_day)));
        Assert.Empty(reader.Peers);
        reader.Refresh();
        Assert.Equal([new KnownPeer(s_server, "bob", bob, s_day), new KnownPeer(s_server, null, nameless, s_day)], reader.Peers);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(FilePath));
    }

    [Fact]
    public void A_change_keeps_what_another_process_wrote_meanwhile()
    {
        KnownPeers one = KnownPeers.Open(FilePath), two = KnownPeers.Open(FilePath);
        one.Trust(new KnownPeer(s_server, "alice", Key(), s_day));
        two.Trust(new KnownPeer(s_server, "bob", Key(), s_day));
        Assert.Equal(["alice", "bob"], KnownPeers.Open(FilePath).Peers.Select(peer => peer.Name));
        Assert.Throws<PeerException>(() => one.Trust(new KnownPeer(s_server, "bob", Key(), s_day)));
    }

    [Fact]
    public async Task Many_writers_lose_nothing()
    {
        await Task.WhenAll(Enumerable.Range(0, 12).Select(i => Task.Run(() =>
        {
            var known = KnownPeers.Open(FilePath);
            for (int n = 0; n < 5; n++) known.Trust(new KnownPeer(s_server, $"peer-{i}-{n}", Key(), s_day));
        })));
        Assert.Equal(60, KnownPeers.Open(FilePath).Peers.Length);
        Assert.Equal(["known_peers", "known_peers.lock"], _directory.Names);
    }

    [Fact]
    public void A_peer_is_forgotten_by_name_or_by_id()
    {
        var (bob, carol) = (Key(), Key());
        var known = KnownPeers.Open(FilePath);
        known.Trust(new KnownPeer(s_server, "bob", bob, s_day));
        known.Trust(new KnownPeer(s_server, "carol", carol, s_day));
        Assert.Equal(1, known.Forget("Bob"));
        Assert.Equal(0, known.Forget("bob"));
        Assert.Equal(1, known.Forget(carol.PeerId.ToString()));
        Assert.Empty(KnownPeers.Open(FilePath).Peers);
    }

    [Fact]
    public void A_damaged_line_is_an_error_that_names_it_and_nothing_is_overwritten()
    {
        var known = KnownPeers.Open(FilePath);
        known.Trust(new KnownPeer(s_server, "bob", Key(), s_day));
        string good = File.ReadAllLines(FilePath)[1];
        foreach (string bad in new[] { "x", good[..^1], good.Replace("bob", "b ob", StringComparison.Ordinal), good.Replace("bob", "-bob", StringComparison.Ordinal), good + " more", good.Replace("2026-", "20x6-", StringComparison.Ordinal) })
        {
            string content = $"# heading\n{good}\n{bad}\n";
            File.WriteAllText(FilePath, content);
            var error = Assert.Throws<PeerException>(() => KnownPeers.Open(FilePath));
            Assert.Equal(PeerError.BadFile, error.Error);
            Assert.Contains("line 3", error.Message, StringComparison.Ordinal);
            Assert.Throws<PeerException>(() => known.Trust(new KnownPeer(s_server, "carol", Key(), s_day)));
            Assert.Equal(content, File.ReadAllText(FilePath));
        }
    }

    [Fact]
    public void The_key_of_a_server_is_kept_and_a_pin_in_the_address_wins()
    {
        var (key, pin) = (Key(), Key());
        var known = KnownServers.Open(_directory.File("known_servers"));
        var server = ServerAddress.Parse("http://Rendezvous.example:8848");
        Assert.Null(known.Find(server));
        Assert.True(known.Trust(server, key, s_day));
        Assert.False(known.Trust(server, key, s_day));
        Assert.Equal(key, KnownServers.Open(_directory.File("known_servers")).Find(ServerAddress.Parse("rendezvous.example")));
        Assert.Equal(pin, known.Find(new ServerAddress(server.Uri, pin)));
        Assert.Equal(PeerError.WrongServerKey, Assert.Throws<PeerException>(() => known.Trust(server, pin, s_day)).Error);
    }

    [Theory]
    [InlineData("203.0.113.1", "http://203.0.113.1:8848")]
    [InlineData("203.0.113.1:9000", "http://203.0.113.1:9000")]
    [InlineData("http://203.0.113.1:8848", "http://203.0.113.1:8848")]
    [InlineData("http://203.0.113.1:8848/", "http://203.0.113.1:8848")]
    [InlineData("http://example.org", "http://example.org:8848")]
    [InlineData("http://example.org:80", "http://example.org")]
    [InlineData("https://example.org", "https://example.org")]
    [InlineData("porthole://example.org", "http://example.org:8848")]
    [InlineData("porthole://[2001:db8::1]:77", "http://[2001:db8::1]:77")]
    [InlineData("localhost", "http://localhost:8848")]
    public void Server_addresses_are_read(string text, string expected) => Assert.Equal(expected, ServerAddress.Parse(text).ToString());

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData("ftp://example.org")]
    [InlineData("http://example.org/path")]
    [InlineData("http://user@example.org")]
    [InlineData("porthole://example.org/?q=1")]
    [InlineData("porthole://example.org#notakey")]
    [InlineData("porthole://:8848")]
    [InlineData("host:port")]
    [InlineData("http://example.org:99999")]
    public void Other_texts_are_no_server_address(string? text) => Assert.False(ServerAddress.TryParse(text, out _));

    [Fact]
    public void A_pinned_address_has_one_text()
    {
        var key = Key();
        var address = new ServerAddress(new Uri("http://example.org:8848"), key);
        Assert.Equal($"porthole://example.org:8848#{ServerAddress.FormatKey(key)}", address.ToString());
        Assert.Equal(address, ServerAddress.Parse(address.ToString()));
        Assert.Equal(key, ServerAddress.Parse($"http://example.org:8848#{ServerAddress.FormatKey(key)}").Key);
    }

    private static PublicKey Key()
    {
        using var key = IdentityKey.Generate(OperatingSystemEntropy.Instance);
        return key.PublicKey;
    }
}
