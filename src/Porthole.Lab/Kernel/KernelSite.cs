using System.Globalization;
using System.Net;

namespace Porthole.Lab.Kernel;

/// <summary>A local network behind a router of its own, which translates and filters as its <see cref="KernelNatKind"/> says.</summary>
public sealed class KernelSite
{
    private readonly KernelLab _lab;
    private readonly string _prefix6;
    private int _attached;

    internal KernelSite(
        KernelLab lab, NetworkNamespace router, KernelNatKind? kind, IPAddress wan, IPAddress publicAddress, IPAddress network, int prefixLength, string prefix6)
    {
        (_lab, Router, Kind, WanAddress, PublicAddress, Network, PrefixLength, _prefix6) =
            (lab, router, kind, wan, publicAddress, network, prefixLength, prefix6);
        Gateway = Offset(1);
    }

    /// <summary>The router's namespace.</summary>
    public NetworkNamespace Router { get; }

    /// <summary>What the kernel of the router does; <c>null</c> when a user-space forwarder does it instead.</summary>
    public KernelNatKind? Kind { get; }

    /// <summary>The router's own outer address.</summary>
    public IPAddress WanAddress { get; }

    /// <summary>The address the public segment sees: the router's, or its carrier's.</summary>
    public IPAddress PublicAddress { get; }

    /// <summary>The local network, its first address.</summary>
    public IPAddress Network { get; }

    /// <summary>The length of the local network's prefix in bits.</summary>
    public int PrefixLength { get; }

    /// <summary>The router's inner address.</summary>
    public IPAddress Gateway { get; }

    /// <summary>Adds a host to the local network.</summary>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public KernelHost AddHost(string label)
    {
        var space = _lab.AddNamespace(label);
        var (address, address6) = Attach(space, "e0");
        return new KernelHost(space, "e0", address, address6, (from, to) => space.Configure(
            $"addr del {from}/{PrefixLength} dev e0\naddr add {to}/{PrefixLength} dev e0\nroute replace default via {Gateway}"));
    }

    /// <summary>Lets no UDP pass the router any more, in neither direction; TCP goes on.</summary>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public void BlockUdp() => Router.LoadRules(KernelNatRules.UdpBlock);

    /// <summary>Ends <see cref="BlockUdp"/>.</summary>
    /// <exception cref="KernelLabException">UDP is not blocked.</exception>
    public void UnblockUdp() => Router.LoadRules($"delete table {KernelNatRules.UdpBlockTable}");

    /// <summary>
    /// Sets how long the router's connection tracking remembers UDP (30 s and 120 s by default). Linux counts a flow as replied
    /// once it has been answered and has lived for two seconds.
    /// </summary>
    /// <exception cref="IOException">The kernel of this machine does not let a namespace set them.</exception>
    public void SetLifetimes(TimeSpan unreplied, TimeSpan replied) => Router.SetParameters(
        ("netfilter/nf_conntrack_udp_timeout", unreplied.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)),
        ("netfilter/nf_conntrack_udp_timeout_stream", replied.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)));

    /// <summary>Connects a namespace to the local network with a default route to the router.</summary>
    internal (IPAddress Address, IPAddress? Address6) Attach(NetworkNamespace space, string interfaceName)
    {
        // Routers of another site may stand in this network: what counts as local is the interface they are given.
        int number = ++_attached;
        var address = Offset(1 + number);
        string port = "h" + number.ToString(CultureInfo.InvariantCulture);
        Router.Configure($"link add {port} type veth peer name {interfaceName} netns {space.Name}\nlink set {port} master {KernelNatRules.Lan} up");
        space.Configure($"addr add {address}/{PrefixLength} dev {interfaceName}\nlink set {interfaceName} up\nroute add default via {Gateway}");
        Router.WaitForLink(port, "state UP", "state forwarding");
        Router.WaitForLink(KernelNatRules.Lan, "state UP");
        space.WaitForLink(interfaceName, "state UP");
        if (_prefix6.Length == 0) return (address, null);

        string address6 = $"{_prefix6}{1 + number:x}";
        space.Configure($"addr add {address6}/64 dev {interfaceName} nodad\nroute add default via {_prefix6}1");
        return (address, IPAddress.Parse(address6));
    }

    /// <summary>Builds the bridge of the local network.</summary>
    internal void RaiseLan()
    {
        Router.Configure(
            $"link add {KernelNatRules.Lan} type bridge forward_delay 0\naddr add {Gateway}/{PrefixLength} dev {KernelNatRules.Lan}\nlink set {KernelNatRules.Lan} up");
        if (_prefix6.Length > 0) Router.Configure($"addr add {_prefix6}1/64 dev {KernelNatRules.Lan} nodad");
    }

    private IPAddress Offset(int hosts)
    {
        byte[] bytes = Network.GetAddressBytes();
        bytes[3] += (byte)hosts;
        return new IPAddress(bytes);
    }
}
