using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Porthole.Lab;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;

namespace Porthole.NetworkTests.Kernel;

public sealed class KernelLabTests
{
    [RootFact]
    public void Hosts_of_every_kind_of_site_reach_the_server_and_nothing_stays_behind()
    {
        var made = new List<string>();
        using (var lab = new KernelLab())
        {
            foreach (var kind in Enum.GetValues<KernelNatKind>())
            {
                var host = lab.AddSite(kind).AddHost(kind.ToString());
                RoundTrip(host, lab.Server, lab.Server.Address);
                RoundTrip(host, lab.Server, lab.SecondServerAddress);
                RoundTrip(host, lab.Server, lab.Server.Address6!);
                made.Add(host.Namespace.Name);
            }
            RoundTrip(lab.AddPublicHost("open"), lab.Server, lab.Server.Address);
            made.Add(lab.Server.Namespace.Name);
            Assert.All(made, name => Assert.True(Exists(name)));
        }
        Assert.All(made, name => Assert.False(Exists(name)));
    }

    [RootFact]
    public void A_site_behind_a_carrier_shows_the_carriers_address()
    {
        using var lab = new KernelLab();
        var site = lab.AddSite(KernelNatKind.PortRestricted, lab.AddCarrier());
        Assert.Equal(IPAddress.Parse("100.64.1.2"), site.WanAddress);
        Assert.Equal(IPAddress.Parse("203.0.113.11"), site.PublicAddress);

        using var server = Bind(lab.Server, 3478);
        using var host = Bind(site.AddHost("inside"), 5000);
        host.SendTo([1], new IPEndPoint(lab.Server.Address, 3478));
        Assert.Equal(site.PublicAddress, Receive(server)!.Address);
    }

    [RootFact]
    public async Task A_modelled_site_carries_a_TCP_connection_segment_by_segment()
    {
        using var lab = new KernelLab();
        var site = lab.AddModelledSite(external => new NatTable(NatProfile.Symmetric, new SeededEntropy(1), external));
        using var listener = Listen(lab.Server);
        using var inside = Tcp(site.AddHost("inside"));
        var token = TestContext.Current.CancellationToken;
        await inside.ConnectAsync(listener.LocalEndPoint!, token);
        using var outside = await listener.AcceptAsync(token);
        var seen = (IPEndPoint)outside.RemoteEndPoint!;
        Assert.Equal(site.PublicAddress, seen.Address);
        Assert.NotEqual(((IPEndPoint)inside.LocalEndPoint!).Port, seen.Port);

        byte[] sent = new byte[1_000_000];
        new Random(1).NextBytes(sent);
        foreach (var (from, to) in new[] { (inside, outside), (outside, inside) })
        {
            byte[] received = new byte[sent.Length];
            await using var sink = new NetworkStream(to);
            var sending = from.SendAsync(sent, token).AsTask();
            await sink.ReadExactlyAsync(received, token);
            await sending;
            Assert.Equal(sent, received);
        }
    }

    [RootFact]
    public void A_site_answers_an_unsolicited_SYN_as_it_is_told_whoever_does_its_NAT()
    {
        using var lab = new KernelLab();
        foreach (var (answer, error) in new (UnsolicitedSyn, SocketError?)[]
        {
            (UnsolicitedSyn.Drop, null), (UnsolicitedSyn.Reset, SocketError.ConnectionRefused),
            (UnsolicitedSyn.PortUnreachable, SocketError.ConnectionRefused), (UnsolicitedSyn.Prohibited, SocketError.HostUnreachable),
        })
        {
            var profile = NatProfile.PortRestricted with { Tcp = new NatTcpProfile { UnsolicitedSyn = answer } };
            var modelled = lab.AddModelledSite(external => new NatTable(profile, new SeededEntropy(1), external));
            foreach (var site in new[] { lab.AddSite(KernelNatKind.PortRestricted, answer: answer), modelled })
            {
                using var stranger = Tcp(lab.Server);
                var connecting = stranger.ConnectAsync(site.PublicAddress, 5000);
                bool isAnswered = ((IAsyncResult)connecting).AsyncWaitHandle.WaitOne(error is null ? 300 : 30_000);
                Assert.Equal(error is not null, isAnswered);
                if (isAnswered) Assert.Equal(error, (connecting.Exception?.InnerException as SocketException)?.SocketErrorCode);
            }
        }
    }

    [RootFact]
    public void A_site_that_blocks_UDP_lets_TCP_pass_and_forgets_it_when_told()
    {
        using var lab = new KernelLab();
        var site = lab.AddSite(KernelNatKind.FullCone);
        var host = site.AddHost("inside");
        using var inside = Bind(host, 5000);
        using var outside = Bind(lab.Server, 5000);
        foreach (bool blocked in new[] { false, true, false })
        {
            if (blocked) site.BlockUdp();
            inside.SendTo([1], new IPEndPoint(lab.Server.Address, 5000));
            Assert.Equal(!blocked, Receive(outside, comes: !blocked) is not null);
            outside.SendTo([1], new IPEndPoint(site.PublicAddress, 5000));
            Assert.Equal(!blocked, Receive(inside, comes: !blocked) is not null);
            Assert.True(Connects(host, lab.Server), "TCP is not blocked.");
            if (blocked) site.UnblockUdp();
        }
    }

    [RootFact]
    public void IPv6_passes_a_router_only_as_an_answer()
    {
        using var lab = new KernelLab();
        var host = lab.AddSite(KernelNatKind.FullCone).AddHost("inside");
        using var outside = Bind(lab.Server, 5000, lab.Server.Address6);
        using var inside = Bind(host, 5000, host.Address6);
        outside.SendTo([1], inside.LocalEndPoint!);
        Assert.Null(Receive(inside, comes: false));
        inside.SendTo([1], outside.LocalEndPoint!);
        Assert.Equal(inside.LocalEndPoint, Receive(outside));
        outside.SendTo([1], inside.LocalEndPoint!);
        Assert.Equal(outside.LocalEndPoint, Receive(inside));
    }

    [RootFact]
    public void A_cut_stops_everything_between_two_addresses_until_it_is_healed()
    {
        using var lab = new KernelLab();
        var other = lab.AddPublicHost("other");
        using var one = Bind(lab.Server, 5000);
        using var two = Bind(other, 5000);
        foreach (bool cut in new[] { false, true, false })
        {
            if (cut) lab.Cut(lab.Server.Address, other.Address);
            one.SendTo([1], new IPEndPoint(other.Address, 5000));
            two.SendTo([1], new IPEndPoint(lab.Server.Address, 5000));
            Assert.Equal(!cut, Receive(one, comes: !cut) is not null);
            Assert.Equal(!cut, Receive(two, comes: !cut) is not null);
            Assert.Equal(!cut, Connects(other, lab.Server, comes: !cut));
            if (cut) lab.Heal(lab.Server.Address, other.Address);
        }
    }

    [RootFact]
    public void A_replaced_address_takes_over_at_once()
    {
        using var lab = new KernelLab();
        var host = lab.AddSite(KernelNatKind.PortRestricted).AddHost("inside");
        host.ReplaceAddress(IPAddress.Parse("192.168.1.77"));
        RoundTrip(host, lab.Server, lab.Server.Address);
        var open = lab.AddPublicHost("open");
        open.ReplaceAddress(IPAddress.Parse("203.0.113.177"));
        RoundTrip(open, lab.Server, lab.Server.Address);
    }

    [RootFact]
    public void The_link_delays_every_packet_by_what_it_was_told()
    {
        TimeSpan once = TimeSpan.FromMilliseconds(40), twice = TimeSpan.FromMilliseconds(80); // a round trip, and what it would be if a packet were delayed twice
        using var lab = new KernelLab(new KernelLinkOptions { Delay = once / 2 });
        var host = lab.AddSite(KernelNatKind.PortRestricted).AddHost("inside");
        foreach (var target in new[] { lab.Server.Address, lab.Server.Address6! })
        {
            TimeSpan least = TimeSpan.MaxValue;
            for (int attempt = 0; attempt < 50 && least >= twice; attempt++) // on a busy machine some come late
            {
                var took = RoundTrip(host, lab.Server, target);
                Assert.True(took >= once, $"{took.TotalMilliseconds} ms");
                if (took < least) least = took;
            }

            Assert.InRange(least, once, twice);
        }
    }

    [RootFact]
    public async Task A_program_inside_is_heard_and_ended()
    {
        using var lab = new KernelLab();
        var program = lab.Server.Namespace.Start("sh", ["-c", "echo ready; read answer; echo got $answer; exec sleep 60"]);
        var token = TestContext.Current.CancellationToken;
        await program.WaitForLineAsync(line => line == "ready", TimeSpan.FromSeconds(30), token);
        await program.Input.WriteLineAsync("yes");
        await program.Input.FlushAsync(token);
        await program.WaitForLineAsync(line => line == "got yes", TimeSpan.FromSeconds(30), token);
        Assert.False(program.HasExited);
        program.Kill();
        Assert.True(program.HasExited);
    }

    private static bool Exists(string name) => File.Exists("/run/netns/" + name);

    /// <summary>Has the far host answer one datagram.</summary>
    private static TimeSpan RoundTrip(KernelHost from, KernelHost to, IPAddress address)
    {
        using var far = Bind(to, 0, address);
        using var near = Bind(from, 0, address.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any);
        long start = Stopwatch.GetTimestamp();
        near.SendTo([1], far.LocalEndPoint!);
        far.SendTo([2], Receive(far) ?? throw new InvalidOperationException($"Nothing came from {from.Address} to {address}."));
        Assert.NotNull(Receive(near));
        return Stopwatch.GetElapsedTime(start);
    }

    private static bool Connects(KernelHost from, KernelHost to, bool comes = true)
    {
        using var listener = Listen(to);
        using var socket = Tcp(from);
        return socket.ConnectAsync(listener.LocalEndPoint!).Wait(TimeSpan.FromSeconds(comes ? 30 : 2), TestContext.Current.CancellationToken);
    }

    private static Socket Listen(KernelHost host)
    {
        var listener = Tcp(host);
        listener.Bind(new IPEndPoint(host.Address, 0));
        listener.Listen();
        return listener;
    }

    private static Socket Tcp(KernelHost host) =>
        host.Namespace.Invoke(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));

    private static Socket Bind(KernelHost host, int port, IPAddress? address = null) => host.Namespace.Invoke(() =>
    {
        address ??= IPAddress.Any;
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    });

    /// <summary>Waits long for what has to come, and a little for what must not.</summary>
    private static IPEndPoint? Receive(Socket socket, bool comes = true)
    {
        socket.ReceiveTimeout = comes ? 30_000 : 300;
        EndPoint sender = socket.LocalEndPoint!;
        try
        {
            socket.ReceiveFrom(new byte[16], ref sender);
            return (IPEndPoint)sender;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.TimedOut)
        {
            return null;
        }
    }
}
