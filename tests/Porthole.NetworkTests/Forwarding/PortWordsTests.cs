using Porthole.Cli.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.NetworkTests.Forwarding;

public sealed class PortWordsTests
{
    [Fact]
    public void What_is_shared_is_read_and_what_is_for_some_alone()
    {
        var shared = PortWords.ParseShared(["22", "8080", "5353/udp", "db.lan:5432", "22"], ["alice:22,8080", "carol:22", "alice:db.lan:5432"]);
        Assert.Equal(["22 alice carol", "8080 alice", "5353/udp", "db.lan:5432 alice"], shared.Select(static port => string.Join(' ', [port.Target.ToString(), .. port.Peers.Select(static peer => peer.ToString())])));
    }

    [Fact]
    public void What_is_forwarded_is_read_in_pairs_or_alone()
    {
        var forwarded = PortWords.ParseForwarded(
            ["2222", "bob:22", "0.0.0.0:8080", "bob:db.lan:80", "[::1]:53", "carol:[fd00::1]:53/udp", "5353/udp", "bob:5353", "localhost:0", "0.0.0.0:1", "*:81/tcp", "bob:80"]);
        Assert.Equal(
            [
                "127.0.0.1:2222 bob 22", "0.0.0.0:8080 bob db.lan:80", "[::1]:53 carol [fd00::1]:53/udp", "127.0.0.1:5353 bob 5353/udp", "127.0.0.1:0 0.0.0.0 1", "0.0.0.0:81 bob 80",
            ],
            forwarded.Select(static one => $"{one.Port.Local} {one.Peer} {one.Port.Target}"));
        Assert.Equal("127.0.0.1:8080 bob 8080", PortWords.ParseForwarded(["bob:8080"]).Select(static one => $"{one.Port.Local} {one.Peer} {one.Port.Target}").Single());
    }

    [Theory]
    [InlineData("ssh")]
    [InlineData("22", "alice:23")]
    [InlineData("22", "alice")]
    [InlineData("22", ":22")]
    [InlineData("22", "al ice:22")]
    [InlineData("22", "alice:")]
    public void What_cannot_be_shared_is_named_in_a_line(string port, string? only = null) => IsComplaint(() => PortWords.ParseShared([port], only is null ? [] : [only]));

    [Theory]
    [InlineData("8080")]
    [InlineData("8080", "bob:80", "81")]
    [InlineData("8080", "bob")]
    [InlineData("bob:80", "8080")]
    [InlineData("8080", "bob:0")]
    [InlineData("70000", "bob:80")]
    [InlineData("1.2.3:80", "bob:80")]
    [InlineData("::1:80", "bob:80")]
    [InlineData("example.org:80", "bob:80")]
    public void What_leads_nowhere_is_named_in_a_line(params string[] words) => IsComplaint(() => PortWords.ParseForwarded(words));

    [Fact]
    public void The_exit_code_says_what_came_of_a_request()
    {
        Assert.Equal(
            [0, 12, 33, 33, 33, 17, 2],
            Enum.GetValues<ForwardStatus>().Select(Porthole.Cli.ExitCode.Of));
    }

    private static void IsComplaint(Action parse)
    {
        var error = Assert.Throws<PeerException>(parse);
        Assert.Equal(PeerError.BadRequest, error.Error);
        Assert.DoesNotContain('\n', error.Message);
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
    }
}
