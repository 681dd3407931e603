using System.Net;

namespace Porthole.Lab.Kernel;

/// <summary>A host of a <see cref="KernelLab"/>: a namespace of its own with one interface.</summary>
public sealed class KernelHost
{
    private readonly string _interface;
    private readonly Action<IPAddress, IPAddress> _rename;

    internal KernelHost(NetworkNamespace space, string interfaceName, IPAddress address, IPAddress? address6, Action<IPAddress, IPAddress> rename) =>
        (Namespace, _interface, Address, Address6, _rename) = (space, interfaceName, address, address6, rename);

    /// <summary>The namespace: run programs and code there.</summary>
    public NetworkNamespace Namespace { get; }

    /// <summary>The host's own IPv4 address, private when it stands behind a NAT.</summary>
    public IPAddress Address { get; private set; }

    /// <summary>The host's own IPv6 address, if its network has IPv6.</summary>
    public IPAddress? Address6 { get; }

    /// <summary>
    /// Takes the IPv4 address away and gives another of the same network, as a lease change does. Open sockets bound to the old one fall silent.
    /// </summary>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public void ReplaceAddress(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        _rename(Address, address);
        Address = address;
    }

    /// <summary>Takes the host off its network, as an unplugged cable does.</summary>
    public void Unplug() => Namespace.Configure($"link set {_interface} down");
}
