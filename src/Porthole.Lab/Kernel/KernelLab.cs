using System.Globalization;
using System.Net;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Kernel;

/// <summary>
/// A small internet out of Linux network namespaces: a public segment with a server, and sites behind routers whose NAT is the
/// kernel's own. Nothing of it touches the machine's network; everything goes with the object. Needs root, <c>ip</c> and <c>nft</c>.
/// Addresses are those for documentation: 203.0.113.0/24 and 198.51.100.0/24 (RFC 5737), 2001:db8::/32 (RFC 3849).
/// </summary>
public sealed class KernelLab : IDisposable
{
    private const string HubAddress = "203.0.113.254";
    private const string Segment6 = "2001:db8:ffff::";
    private const int DelayTable = 100;

    private static readonly Lock s_sweeping = new();
    private static bool s_swept;

    private readonly List<NetworkNamespace> _namespaces = [];
    private readonly List<IDisposable> _forwarders = [];
    private readonly NetworkNamespace _hub;
    private readonly bool _delayed;
    private readonly bool _hasIPv6;
    private int _ports;
    private int _sites;
    private int _publicHosts;

    /// <summary>Builds the public segment and the server host on it.</summary>
    /// <param name="link">What every packet meets on the public segment; <c>null</c>: nothing but the kernel's own time.</param>
    /// <param name="ipv6">Whether there is IPv6 beside IPv4. It knows no NAT here, only stateful firewalls.</param>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public KernelLab(KernelLinkOptions? link = null, bool ipv6 = true)
    {
        _hasIPv6 = ipv6;
        lock (s_sweeping)
        {
            if (!s_swept) NetworkNamespace.SweepAbandoned();
            s_swept = true;
        }
        try
        {
            _hub = AddNamespace("hub");
            MakeRouter(_hub);
            _hub.LoadRules(
                """
                table inet cuts {
                  set pairs {
                    type ipv4_addr . ipv4_addr
                  }
                  set pairs6 {
                    type ipv6_addr . ipv6_addr
                  }
                  chain forward {
                    type filter hook forward priority filter
                    ip saddr . ip daddr @pairs drop
                    ip6 saddr . ip6 daddr @pairs6 drop
                  }
                }
                """);
            if (link is not null)
            {
                _delayed = true;
                AddForwarder(_hub, KernelNatRules.Tun, device => new TunForwarder(device, link));
                string route = $"route add default dev {KernelNatRules.Tun} table {DelayTable}";
                _hub.Configure(route);
                if (ipv6) _hub.Configure6(route);
            }
            Server = AddPublicHost("server", IPAddress.Parse("203.0.113.1"), 1);
            Server.Namespace.Configure($"addr add {SecondServerAddress}/32 dev {KernelNatRules.Wan}");
            Route(SecondServerAddress, _ports);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The host for the server, 203.0.113.1.</summary>
    public KernelHost Server { get; }

    /// <summary>The second address of the server's host.</summary>
    public IPAddress SecondServerAddress { get; } = IPAddress.Parse("203.0.113.2");

    /// <summary>Whether this machine and user can build such a lab.</summary>
    /// <param name="reason">Why not, in a sentence.</param>
    public static bool IsSupported(out string reason)
    {
        reason = "";
        if (!OperatingSystem.IsLinux()) reason = "Network namespaces are a thing of Linux.";
        else if (!Environment.IsPrivilegedProcess) reason = "Creating network namespaces needs root.";
        else if (!IsInstalled("ip")) reason = "The command ip (package iproute2) is not installed.";
        else if (!IsInstalled("nft")) reason = "The command nft (package nftables) is not installed.";
        return reason.Length == 0;
    }

    /// <summary>Adds a host without any NAT to the public segment, 203.0.113.101 and up.</summary>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public KernelHost AddPublicHost(string label)
    {
        int number = 100 + ++_publicHosts;
        return AddPublicHost(label, IPAddress.Parse($"203.0.113.{number.ToString(CultureInfo.InvariantCulture)}"), number);
    }

    /// <summary>Adds a site whose router's NAT is the kernel's.</summary>
    /// <param name="kind">What the router does.</param>
    /// <param name="behind">The carrier whose network the router stands in; <c>null</c>: on the public segment.</param>
    /// <param name="network">The first address of the local /24, such as 192.168.1.0; <c>null</c>: one of its own.</param>
    /// <param name="hairpin">Whether inside hosts reach each other by their mapped addresses; the full cone alone can.</param>
    /// <param name="answer">What the router answers to a TCP segment that nobody asked for; <see cref="KernelNatKind.Poisonable"/> resets in any case.</param>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public KernelSite AddSite(
        KernelNatKind kind, KernelSite? behind = null, IPAddress? network = null, bool hairpin = false,
        UnsolicitedSyn answer = UnsolicitedSyn.Drop)
    {
        if (hairpin && kind != KernelNatKind.FullCone) throw new ArgumentException("Only the full cone is built with hairpinning.", nameof(hairpin));
        var site = BuildSite(kind, behind, network);
        site.Router.LoadRules(KernelNatRules.Build(kind, site.WanAddress, $"{site.Network}/{site.PrefixLength}", hairpin, answer));
        return site;
    }

    /// <summary>
    /// Adds a site whose router translates UDP and TCP by a model, on a TUN device: for behaviours that the kernel lacks. What else passes, an echo request, is
    /// translated by the kernel.
    /// </summary>
    /// <param name="build">Makes the NAT or firewall from the router's outer address.</param>
    /// <param name="link">What a packet meets on its way through the router.</param>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public KernelSite AddModelledSite(Func<TransportAddress, IMiddlebox> build, KernelLinkOptions? link = null)
    {
        ArgumentNullException.ThrowIfNull(build);
        var site = BuildSite(null, null, null);
        site.Router.LoadRules(KernelNatRules.BuildForModel(site.WanAddress));
        var translator = new MiddleboxTranslator(
            build(TransportAddress.From(site.WanAddress, 0)), TransportAddress.From(site.Network, 0), site.PrefixLength);
        AddForwarder(site.Router, KernelNatRules.Tun, device => new TunForwarder(device, link ?? new KernelLinkOptions(), translator.Translate));
        // The outer address is not the router's own but lies behind the device, so that what is sent to it passes the model.
        site.Router.Configure(
            $"route add {site.WanAddress}/32 dev {KernelNatRules.Tun}\nroute add default dev {KernelNatRules.Tun} table {DelayTable}\n"
            + $"rule add fwmark {KernelNatRules.ModelMark} lookup {DelayTable} pref 10");
        return site;
    }

    /// <summary>Adds a carrier: a NAT whose local network (100.64.0.0/10, RFC 6598) other sites stand behind.</summary>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public KernelSite AddCarrier(KernelNatKind kind = KernelNatKind.PortRestricted, bool hairpin = false) =>
        AddSite(kind, null, IPAddress.Parse($"100.64.{(_sites + 1).ToString(CultureInfo.InvariantCulture)}.0"), hairpin);

    /// <summary>Lets nothing pass between two addresses of the public segment, in both directions. What each has with others goes on.</summary>
    public void Cut(IPAddress one, IPAddress other) => Change("add", one, other);

    /// <summary>Ends a <see cref="Cut"/>.</summary>
    public void Heal(IPAddress one, IPAddress other) => Change("delete", one, other);

    /// <summary>Ends every program, forwarder and namespace of the lab.</summary>
    public void Dispose()
    {
        foreach (var forwarder in _forwarders) forwarder.Dispose();
        _forwarders.Clear();
        foreach (var space in _namespaces) space.Dispose();
        _namespaces.Clear();
    }

    internal NetworkNamespace AddNamespace(string label)
    {
        var space = new NetworkNamespace(label);
        _namespaces.Add(space);
        if (!_hasIPv6) space.SetParameters(("ipv6/conf/all/disable_ipv6", "1"), ("ipv6/conf/default/disable_ipv6", "1"));
        // Documentation addresses are unique here by construction: duplicate detection would only cost a second.
        space.SetParameters(("ipv6/conf/default/accept_dad", "0"), ("ipv6/conf/all/accept_dad", "0"), ("ipv6/conf/default/accept_ra", "0"),
            ("ipv4/conf/all/rp_filter", "0"), ("ipv4/conf/default/rp_filter", "0"), ("ipv4/conf/all/promote_secondaries", "1"));
        return space;
    }

    /// <summary>A site without rules: its router only forwards.</summary>
    internal KernelSite BuildSite(KernelNatKind? kind, KernelSite? behind, IPAddress? network)
    {
        int number = ++_sites;
        string text = number.ToString(CultureInfo.InvariantCulture);
        var router = AddNamespace("router" + text);
        MakeRouter(router);

        bool routed = kind == KernelNatKind.Firewall;
        if (routed && (behind is not null || network is not null)) throw new ArgumentException("A firewall without NAT has public addresses.", nameof(kind));
        network ??= IPAddress.Parse(routed ? $"198.51.100.{(16 * number).ToString(CultureInfo.InvariantCulture)}" : $"192.168.{text}.0");
        int prefixLength = routed ? 28 : 24;
        string prefix6 = behind is null && _hasIPv6 ? $"2001:db8:{text}::" : "";

        IPAddress wan, publicAddress;
        if (behind is null)
        {
            wan = publicAddress = IPAddress.Parse($"203.0.113.{(10 + number).ToString(CultureInfo.InvariantCulture)}");
            int port = kind is null ? JoinBehind(router, wan, number) : Join(router, wan, $"{Segment6}{10 + number:x}");
            if (_hasIPv6) _hub.Configure($"route add {prefix6}/64 via {Segment6}{10 + number:x} dev v{port}");
            if (routed) _hub.Configure($"route add {network}/{prefixLength} via {wan} dev v{port}");
        }
        else
        {
            (wan, _) = behind.Attach(router, KernelNatRules.Wan);
            publicAddress = behind.PublicAddress;
        }
        var site = new KernelSite(this, router, kind, wan, publicAddress, network, prefixLength, prefix6);
        site.RaiseLan();
        return site;
    }

    internal void AddForwarder(NetworkNamespace space, string name, Func<TunDevice, IDisposable> start)
    {
        var device = TunDevice.Open(space, name);
        space.Configure($"link set {name} txqueuelen 5000 up");
        _forwarders.Add(start(device));
    }

    private static bool IsInstalled(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/sbin").Any(path => File.Exists(Path.Combine(path, program)));

    private static void MakeRouter(NetworkNamespace space) => space.SetParameters(
        ("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1"), ("ipv6/conf/default/forwarding", "1"),
        ("ipv4/conf/all/send_redirects", "0"), ("ipv4/conf/default/send_redirects", "0"));

    private KernelHost AddPublicHost(string label, IPAddress address, int number)
    {
        var space = AddNamespace(label);
        string address6 = $"{Segment6}{number:x}";
        int port = Join(space, address, address6);
        return new KernelHost(space, KernelNatRules.Wan, address, _hasIPv6 ? IPAddress.Parse(address6) : null, (from, to) =>
        {
            space.Configure(
                $"addr del {from}/32 peer {HubAddress} dev {KernelNatRules.Wan}\naddr add {to}/32 peer {HubAddress} dev {KernelNatRules.Wan}\n"
                + $"route replace default via {HubAddress}");
            _hub.Configure($"route del {from}/32");
            Route(to, port);
        });
    }

    /// <summary>Connects a namespace to the public segment.</summary>
    /// <returns>The number of its port at the hub.</returns>
    private int Join(NetworkNamespace space, IPAddress address, string address6)
    {
        int port = ++_ports;
        _hub.Configure(
            $"link add v{port} type veth peer name {KernelNatRules.Wan} netns {space.Name}\naddr add {HubAddress}/32 dev v{port}\nlink set v{port} up");
        space.Configure(
            $"addr add {address}/32 peer {HubAddress} dev {KernelNatRules.Wan}\nlink set {KernelNatRules.Wan} up\nroute add default via {HubAddress}");
        Route(address, port);
        _hub.WaitForLink($"v{port}", "state UP");
        space.WaitForLink(KernelNatRules.Wan, "state UP");
        if (_hasIPv6)
        {
            _hub.Configure($"addr add fe80::1/64 dev v{port} nodad\nroute add {address6}/128 dev v{port}");
            space.Configure($"addr add {address6}/128 dev {KernelNatRules.Wan} nodad\nroute add default via fe80::1 dev {KernelNatRules.Wan}");
        }
        if (_delayed)
        {
            string rule = $"rule add iif v{port} lookup {DelayTable} pref 10";
            _hub.Configure(rule);
            if (_hasIPv6) _hub.Configure6(rule);
        }
        return port;
    }

    /// <summary>As <see cref="Join"/>, but the address lies behind the namespace, which has a link address of its own.</summary>
    private int JoinBehind(NetworkNamespace space, IPAddress address, int number)
    {
        var link = IPAddress.Parse($"100.127.0.{number.ToString(CultureInfo.InvariantCulture)}");
        int port = Join(space, link, $"{Segment6}{10 + number:x}");
        _hub.Configure($"route add {address}/32 via {link} dev v{port}");
        return port;
    }

    private void Route(IPAddress address, int port) => _hub.Configure($"route add {address}/32 dev v{port}");

    private void Change(string verb, IPAddress one, IPAddress other)
    {
        string set = one.GetAddressBytes().Length == 4 ? "pairs" : "pairs6";
        _hub.LoadRules($"{verb} element inet cuts {set} {{ {one} . {other}, {other} . {one} }}");
    }
}
