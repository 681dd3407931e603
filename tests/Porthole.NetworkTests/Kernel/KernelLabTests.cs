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
    public void A_modelled_site_lets_TCP_out_through_the_kernel()
    {
        using var lab = new KernelLab();
        var site = lab.AddModelledSite(external => new NatTable(NatProfile.Symmetric, new SeededEntropy(1), external));
        Assert.True(Connects(site.AddHost("inside"), lab.Server));
    }

    [RootFact]
    public void IPv6_passes_a_router_only_as_an_answer()
    {
        using var lab = new KernelLab();
        var host = lab.AddSite(KernelNatKind.FullCone).AddHost("inside");
        using var outside = Bind(lab.Server, 5000, lab.Server.Address6);
        using var inside = Bind(host, 5000, host.Address6);
        outside.SendTo([1], inside.LocalEndPoint!);
        Assert.Null(Receive(inside));
        inside.SendTo([1], outside.LocalEndPoint!);
        Assert.Equal(inside.LocalEndPoint, Receive(outside));
        outside.SendTo([1], inside.LocalEndPoint!);
        Assert.Equal(outside.LocalEndPoint, Receive(inside));
    }

    [RootFact]
    public void A_cut_stops_datagrams_in_both_directions_until_it_is_healed()
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
            Assert.Equal(!cut, Receive(one) is not null);
            Assert.Equal(!cut, Receive(two) is not null);
            Assert.True(Connects(other, lab.Server), "TCP is not cut.");
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
        using var lab = new KernelLab(new KernelLinkOptions { Delay = TimeSpan.FromMilliseconds(20) });
        var host = lab.AddSite(KernelNatKind.PortRestricted).AddHost("inside");
        foreach (var target in new[] { lab.Server.Address, lab.Server.Address6! })
        {
            TimeSpan least = Enumerable.Range(0, 5).Min(_ => RoundTrip(host, lab.Server, target));
            Assert.InRange(least.TotalMilliseconds, 40, 45);
        }
    }

    [RootFact]
    public async Task A_program_inside_is_heard_and_ended()
    {
        using var lab = new KernelLab();
        var program = lab.Server.Namespace.Start("sh", ["-c", "echo ready; read answer; echo got $answer; exec sleep 60"]);
        var token = TestContext.Current.CancellationToken;
        await program.WaitForLineAsync(line => line == "ready", TimeSpan.FromSeconds(5), token);
        await program.Input.WriteLineAsync("yes");
        await program.Input.FlushAsync(token);
        await program.WaitForLineAsync(line => line == "got yes", TimeSpan.FromSeconds(5), token);
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

    private static bool Connects(KernelHost from, KernelHost to)
    {
        using var listener = to.Namespace.Invoke(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        listener.Bind(new IPEndPoint(to.Address, 0));
        listener.Listen();
        using var socket = from.Namespace.Invoke(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        return socket.ConnectAsync(listener.LocalEndPoint!).Wait(TimeSpan.FromSeconds(2), TestContext.Current.CancellationToken);
    }

    private static Socket Bind(KernelHost host, int port, IPAddress? address = null) => host.Namespace.Invoke(() =>
    {
        address ??= IPAddress.Any;
        var socket = new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { ReceiveTimeout = 300 };
        socket.Bind(new IPEndPoint(address, port));
        return socket;
    });

    private static IPEndPoint? Receive(Socket socket)
    {
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
