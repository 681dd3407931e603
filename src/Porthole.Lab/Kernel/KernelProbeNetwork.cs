using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Porthole.Lab.Probe;
using Porthole.Protocol;

namespace Porthole.Lab.Kernel;

/// <summary>Both sides of a site's router in a <see cref="KernelLab"/>, with real sockets: two hosts of the site, and the server's two addresses.</summary>
public sealed class KernelProbeNetwork : IProbeNetwork, IDisposable
{
    // Inside one machine a packet takes microseconds; only a loaded processor makes it wait.
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<TransportAddress, Socket> _sockets = [];
    private readonly Dictionary<TransportAddress, NetworkNamespace> _hosts = [];
    private readonly TimeSpan _roundTrip;

    /// <summary>Adds two hosts to the site.</summary>
    /// <param name="lab">The lab the site belongs to.</param>
    /// <param name="site">The site whose router is examined.</param>
    /// <param name="roundTrip">How long a packet may take because of the lab's own delays.</param>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public KernelProbeNetwork(KernelLab lab, KernelSite site, TimeSpan roundTrip = default)
    {
        ArgumentNullException.ThrowIfNull(lab);
        ArgumentNullException.ThrowIfNull(site);
        _roundTrip = roundTrip;
        Inside = [Add(site.AddHost("probe1")), Add(site.AddHost("probe2"))];
        Outside = [Add(lab.Server), TransportAddress.From(lab.SecondServerAddress, 0)];
        _hosts.Add(Outside[1], lab.Server.Namespace);
    }

    /// <inheritdoc/>
    public ImmutableArray<TransportAddress> Inside { get; }

    /// <summary>How much longer than usual a packet is waited for.</summary>
    internal TimeSpan MorePatience { get; init; }

    /// <inheritdoc/>
    public ImmutableArray<TransportAddress> Outside { get; }

    /// <inheritdoc/>
    public void Open(TransportAddress local) => _sockets.Add(local, _hosts[local.Host].Invoke(() =>
    {
        var socket = new Socket(local.Family, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(local.ToEndPoint());
        return socket;
    }));

    /// <inheritdoc/>
    public void Send(TransportAddress from, TransportAddress to, uint number)
    {
        byte[] packet = new byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32BigEndian(packet, number);
        try
        {
            _sockets[from].SendTo(packet, to.ToEndPoint());
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.HostUnreachable)
        {
            // An ICMP error of an earlier packet: it changes nothing for this one.
            _sockets[from].SendTo(packet, to.ToEndPoint());
        }
    }

    /// <inheritdoc/>
    public bool TryReceive(TransportAddress at, uint number, out TransportAddress from)
    {
        var socket = _sockets[at];
        byte[] packet = new byte[64];
        while (socket.Poll(s_patience + _roundTrip + MorePatience, SelectMode.SelectRead))
        {
            EndPoint sender = new IPEndPoint(IPAddress.Any, 0);
            try
            {
                int length = socket.ReceiveFrom(packet, ref sender);
                if (length != sizeof(uint) || BinaryPrimitives.ReadUInt32BigEndian(packet) != number) continue;
                from = TransportAddress.FromEndPoint((IPEndPoint)sender);
                return true;
            }
            catch (SocketException)
            {
                // An ICMP error; the packet may still come.
            }
        }
        from = default;
        return false;
    }

    /// <inheritdoc/>
    public void Wait(TimeSpan duration) => Thread.Sleep(duration);

    /// <summary>Closes the sockets. The hosts stay.</summary>
    public void Dispose()
    {
        foreach (var socket in _sockets.Values) socket.Dispose();
    }

    private TransportAddress Add(KernelHost host)
    {
        var address = TransportAddress.From(host.Address, 0);
        _hosts.Add(address, host.Namespace);
        return address;
    }
}
