using System.Collections.Immutable;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>What the host's network looks like.</summary>
/// <param name="Addresses">The usable local addresses, the likeliest first, with port 0.</param>
/// <param name="Gateways">The default gateways, with port 0.</param>
internal sealed record NetworkView(ImmutableArray<TransportAddress> Addresses, ImmutableArray<TransportAddress> Gateways)
{
    public static NetworkView Nothing { get; } = new([], []);

    public bool SaysTheSameAs(NetworkView other) => Addresses.SequenceEqual(other.Addresses) && Gateways.SequenceEqual(other.Gateways);
}

/// <summary>Knows the host's usable addresses, and notices when they change: by the system's notice, and by looking from time to time where there is none.</summary>
internal sealed class NetworkWatcher(TimeProvider clock)
{
    /// <summary>How often to look without a notice. A peer should recover within 5 s of a change, and a look costs about a millisecond.</summary>
    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(2);

    /// <summary>After a notice: an interface that changes its address sends several.</summary>
    private static readonly TimeSpan s_settle = TimeSpan.FromMilliseconds(50);

    public bool UseLoopback { get; set; }

    public NetworkView Current()
    {
        try
        {
            var gateways = ImmutableArray.CreateBuilder<TransportAddress>();
            return new NetworkView(LocalAddressSelector.Select(Read(gateways), UseLoopback), [.. gateways.Distinct().Order()]);
        }
        catch (Exception exception) when (exception is NetworkInformationException or SocketException or IOException)
        {
            return NetworkView.Nothing; // interfaces may vanish while they are read; the next look sees the rest
        }
    }

    public IDisposable Watch(Action<ImmutableArray<TransportAddress>> changed) => new Look(this, changed, clock);

    private static List<LocalAddress> Read(ImmutableArray<TransportAddress>.Builder gateways)
    {
        var flags = LinuxIPv6Flags.Read();
        var found = new List<LocalAddress>();
        foreach (var network in NetworkInterface.GetAllNetworkInterfaces())
        {
            if (network.OperationalStatus is not (OperationalStatus.Up or OperationalStatus.Unknown)) continue;
            var properties = network.GetIPProperties();
            bool hasGateway = AddGateways(properties, gateways);
            foreach (var unicast in properties.UnicastAddresses)
            {
                var address = TransportAddress.From(unicast.Address, 0);
                found.Add(new LocalAddress(address, network.Name, hasGateway, flags.GetValueOrDefault(address)));
            }
        }

        return found;
    }

    /// <summary>Adds the default gateways of an interface.</summary>
    /// <returns>Whether there are any.</returns>
    private static bool AddGateways(IPInterfaceProperties properties, ImmutableArray<TransportAddress>.Builder gateways)
    {
        try
        {
            foreach (var gateway in properties.GatewayAddresses) gateways.Add(TransportAddress.From(gateway.Address, 0));
            return properties.GatewayAddresses.Count > 0;
        }
        catch (PlatformNotSupportedException)
        {
            return false;
        }
    }

    private sealed class Look : IDisposable
    {
        private readonly NetworkWatcher _watcher;
        private readonly Action<ImmutableArray<TransportAddress>> _changed;
        private readonly ITimer _timer;
        private readonly Lock _gate = new();
        private NetworkView _known;
        private bool _disposed;

        public Look(NetworkWatcher watcher, Action<ImmutableArray<TransportAddress>> changed, TimeProvider clock)
        {
            (_watcher, _changed, _known) = (watcher, changed, watcher.Current());
            _timer = clock.CreateTimer(static look => ((Look)look!).Compare(), this, s_period, s_period);
            NetworkChange.NetworkAddressChanged += Notice;
        }

        public void Dispose()
        {
            NetworkChange.NetworkAddressChanged -= Notice;
            lock (_gate) _disposed = true;
            _timer.Dispose();
        }

        private void Notice(object? sender, EventArgs e) => _timer.Change(s_settle, s_period);

        private void Compare()
        {
            lock (_gate)
            {
                if (_disposed) return;
                var now = _watcher.Current();
                if (now.SaysTheSameAs(_known)) return;
                _known = now;
                _changed(now.Addresses);
            }
        }
    }
}
