using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Punching;
using Porthole.Server;
using Porthole.Tests.Runtime;

namespace Porthole.Tests.Punching;

/// <summary>The bare TCP punch on real sockets: one connection that both chose, and a stream without a byte of the punch's.</summary>
public sealed class TcpPunchTests
{
    private static readonly TcpHoleOptions s_short = new() { Timeout = TimeSpan.FromSeconds(2) };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_ports_become_one_connection_with_nothing_in_it()
    {
        for (int i = 0; i < 20; i++)
        {
            var (alice, bob) = await PunchAsync(new TcpHoleOptions());
            using (alice)
            using (bob)
            {
                Assert.Equal((alice.LocalEndPoint, alice.RemoteEndPoint), (bob.RemoteEndPoint, bob.LocalEndPoint));
                await ExchangeAsync(alice, bob);
            }
        }
    }

    [Fact]
    public async Task Data_that_follows_at_once_arrives_whole()
    {
        var (alice, bob) = await PunchAsync(new TcpHoleOptions { Cookie = RandomNumberGenerator.GetBytes(32) });
        using (alice)
        using (bob)
        {
            byte[] sent = RandomNumberGenerator.GetBytes(1_000_000), received = new byte[sent.Length];
            var sending = alice.SendAsync(sent, Token);
            await ReadAsync(bob, received);
            Assert.Equal(sent.Length, await sending);
            Assert.Equal(sent, received);
        }
    }

    [Fact]
    public async Task TLS_runs_over_it()
    {
        var (alice, bob) = await PunchAsync(new TcpHoleOptions());
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=bob", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var identity = X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
        await using var client = new SslStream(new NetworkStream(alice, ownsSocket: true));
        await using var server = new SslStream(new NetworkStream(bob, ownsSocket: true));
        await Task.WhenAll(
            server.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = identity }, Token),
            client.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "bob",
                    RemoteCertificateValidationCallback = (_, shown, _, _) => shown!.GetCertHashString() == identity.GetCertHashString(),
                },
                Token));
        await client.WriteAsync("sealed"u8.ToArray(), Token);
        byte[] buffer = new byte[6];
        await server.ReadExactlyAsync(buffer, Token);
        Assert.Equal("sealed", Encoding.ASCII.GetString(buffer));
    }

    [Fact]
    public async Task Without_a_cookie_it_meets_any_program_that_listens_and_adds_no_byte()
    {
        using var foreign = new TcpListener(IPAddress.Loopback, 0);
        foreign.Start();
        var accepting = foreign.AcceptSocketAsync(Token);
        using var punched = await HolePuncher.PunchTcpAsync(FreePorts.Next(), (IPEndPoint)foreign.LocalEndpoint, new TcpHoleOptions { Cookie = null }, cancellationToken: Token);
        using var other = await accepting;
        await ExchangeAsync(punched, other);
    }

    [Fact]
    public async Task Without_a_cookie_any_program_may_connect_from_the_right_address()
    {
        int port = FreePorts.Next();
        using var foreign = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        var steps = new Steps();
        var punching = HolePuncher.PunchTcpAsync(port, new IPEndPoint(IPAddress.Loopback, FreePorts.Next()), new TcpHoleOptions { Cookie = null }, steps, Token);
        await foreign.ConnectAsync(IPAddress.Loopback, port, Token);
        using var punched = await punching;
        Assert.Equal(foreign.LocalEndPoint, punched.RemoteEndPoint);
        await ExchangeAsync(punched, foreign);
        Assert.Equal((PunchStep.Binding, PunchStep.Connected), (steps.Seen[0].Step, steps.Seen[^1].Step));
    }

    [Fact]
    public async Task A_stranger_who_connects_gets_nothing_and_spoils_nothing()
    {
        int alicePort = FreePorts.Next(), bobPort = FreePorts.Next();
        var punching = HolePuncher.PunchTcpAsync(alicePort, new IPEndPoint(IPAddress.Loopback, bobPort), new TcpHoleOptions { Timeout = TimeSpan.FromSeconds(60) }, cancellationToken: Token);
        using var silent = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        using var noisy = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await silent.ConnectAsync(IPAddress.Loopback, alicePort, Token);
        await noisy.ConnectAsync(IPAddress.Loopback, alicePort, Token);
        await noisy.SendAsync(new byte[100], Token);
        Assert.Equal(SocketError.ConnectionReset, (await Assert.ThrowsAsync<SocketException>(() => ReadAsync(noisy, new byte[1]))).SocketErrorCode);
        using var bob = await HolePuncher.PunchTcpAsync(bobPort, new IPEndPoint(IPAddress.Loopback, alicePort), cancellationToken: Token);
        using var alice = await punching;
        await ExchangeAsync(alice, bob);
        Assert.Equal(SocketError.ConnectionReset, (await Assert.ThrowsAsync<SocketException>(() => ReadAsync(silent, new byte[1]))).SocketErrorCode);
    }

    [Fact]
    public async Task Who_does_not_know_the_cookie_is_not_the_one()
    {
        int alicePort = FreePorts.Next(), bobPort = FreePorts.Next();
        var clock = new ManualTimeProvider();
        var options = new TcpHoleOptions { Timeout = TimeSpan.FromDays(1), TimeProvider = clock };
        var alice = HolePuncher.PunchTcpAsync(
            alicePort, new IPEndPoint(IPAddress.Loopback, bobPort), options with { Cookie = "ours"u8.ToArray() }, Steps.Until(PunchStep.Agreeing, out var isUpHere), Token);
        var bob = HolePuncher.PunchTcpAsync(
            bobPort, new IPEndPoint(IPAddress.Loopback, alicePort), options with { Cookie = "theirs"u8.ToArray() }, Steps.Until(PunchStep.Agreeing, out var isUpThere), Token);
        await clock.PassUntilAsync(Task.WhenAll(isUpHere, isUpThere));
        clock.Advance(TimeSpan.FromDays(1));
        var failures = new[] { await Assert.ThrowsAsync<PunchException>(() => alice), await Assert.ThrowsAsync<PunchException>(() => bob) };
        Assert.Contains(failures, static one => one.Step == PunchStep.Agreeing);
    }

    [Fact]
    public async Task Without_a_peer_it_fails_at_the_opening_and_the_port_is_free_again()
    {
        int port = FreePorts.Next();
        var steps = new Steps();
        var failure = await Assert.ThrowsAsync<PunchException>(() => HolePuncher.PunchTcpAsync(port, new IPEndPoint(IPAddress.Loopback, FreePorts.Next()), s_short, steps, Token));
        Assert.Equal(PunchStep.Opening, failure.Step);
        Assert.DoesNotContain('\n', failure.Message);
        var told = steps.Seen.Where(static one => one.Step == PunchStep.Opening).ToArray();
        Assert.Equal((PunchStep.Opening, 1), (steps.Seen[^told.Length].Step, told[0].Try));
        var counted = Regex.Match(failure.Message, "of ([0-9]+) connects [0-9]+ met a refusal");
        Assert.True(counted.Success, failure.Message);
        Assert.True(int.Parse(counted.Groups[1].ValueSpan, CultureInfo.InvariantCulture) > told.Length, failure.Message); // a refused connect is repeated at once, and not told each time
        AssertFree(port);
    }

    [Fact]
    public async Task A_cancelled_punch_leaves_nothing_open()
    {
        int port = FreePorts.Next();
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var steps = new Steps { Told = one => { if (one.Step == PunchStep.Opening) cancel.Cancel(); } };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => HolePuncher.PunchTcpAsync(port, new IPEndPoint(IPAddress.Loopback, FreePorts.Next()), progress: steps, cancellationToken: cancel.Token));
        AssertFree(port);
    }

    [Fact]
    public async Task A_port_of_another_program_is_named()
    {
        using var other = new TcpListener(IPAddress.Loopback, 0) { ExclusiveAddressUse = true };
        other.Start();
        var failure = await Assert.ThrowsAsync<PunchException>(() => HolePuncher.PunchTcpAsync((IPEndPoint)other.LocalEndpoint, new IPEndPoint(IPAddress.Loopback, 9), cancellationToken: Token));
        Assert.Equal(PunchStep.Binding, failure.Step);
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => HolePuncher.PunchTcpAsync(0, new IPEndPoint(IPAddress.Loopback, 9), cancellationToken: Token));
        await Assert.ThrowsAsync<ArgumentException>(() => HolePuncher.PunchTcpAsync(new IPEndPoint(IPAddress.IPv6Loopback, 9), new IPEndPoint(IPAddress.Loopback, 9), cancellationToken: Token));
    }

    [Fact]
    public async Task The_mapping_of_a_port_is_held_while_the_port_punches()
    {
        await using var server = await PortholeServer.StartAsync(new PortholeServerOptions { Address = IPAddress.Loopback, Port = 0, StunPort = 0, DataDirectory = null }, NullLoggerFactory.Instance, Token);
        var stun = server.Stun.MinBy(static one => one.Port).ToEndPoint(); // the first port has TCP, too
        using var alice = await HolePuncher.MapTcpPortAsync(0, stun, Token);
        using var bob = await HolePuncher.MapTcpPortAsync(0, stun, Token);
        Assert.Equal(alice.Local, alice.Mapped);
        var sockets = await Task.WhenAll(
            HolePuncher.PunchTcpAsync(alice.Local, bob.Mapped, cancellationToken: Token),
            HolePuncher.PunchTcpAsync(bob.Local, alice.Mapped, cancellationToken: Token));
        using (sockets[0])
        using (sockets[1]) await ExchangeAsync(sockets[0], sockets[1]);

        using var web = new TcpListener(IPAddress.Loopback, 0);
        web.Start();
        var asking = HolePuncher.MapTcpPortAsync(0, (IPEndPoint)web.LocalEndpoint, Token);
        using (var accepted = await web.AcceptSocketAsync(Token)) await accepted.SendAsync("HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray(), Token);
        Assert.Equal(PunchStep.Mapping, (await Assert.ThrowsAsync<PunchException>(() => asking)).Step);
        var refused = await Assert.ThrowsAsync<PunchException>(() => HolePuncher.MapTcpPortAsync(0, new IPEndPoint(IPAddress.Loopback, FreePorts.Next()), Token));
        Assert.Equal(PunchStep.Mapping, refused.Step);
    }

    private static async Task<(Socket Alice, Socket Bob)> PunchAsync(TcpHoleOptions options)
    {
        int alice = FreePorts.Next(), bob = FreePorts.Next();
        var sockets = await Task.WhenAll(
            HolePuncher.PunchTcpAsync(alice, new IPEndPoint(IPAddress.Loopback, bob), options, cancellationToken: Token),
            HolePuncher.PunchTcpAsync(bob, new IPEndPoint(IPAddress.Loopback, alice), options, cancellationToken: Token));
        return (sockets[0], sockets[1]);
    }

    private static async Task ExchangeAsync(Socket alice, Socket bob)
    {
        await alice.SendAsync("from alice"u8.ToArray(), Token);
        await bob.SendAsync("from bob  "u8.ToArray(), Token);
        byte[] atBob = new byte[10], atAlice = new byte[10];
        await ReadAsync(bob, atBob);
        await ReadAsync(alice, atAlice);
        Assert.Equal(("from alice", "from bob  "), (Encoding.ASCII.GetString(atBob), Encoding.ASCII.GetString(atAlice)));
    }

    private static async Task ReadAsync(Socket socket, byte[] buffer)
    {
        await using var stream = new NetworkStream(socket, ownsSocket: false);
        try
        {
            await stream.ReadExactlyAsync(buffer, Token).AsTask().WaitAsync(TimeSpan.FromSeconds(60), Token);
        }
        catch (IOException exception) when (exception.InnerException is SocketException cause)
        {
            throw cause;
        }
    }

    private static void AssertFree(int port)
    {
        using var plain = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        plain.Bind(new IPEndPoint(IPAddress.Any, port));
        plain.Listen();
    }
}
