using System.Text;
using Porthole.Identity;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Testing;

/// <summary>
/// An internet in this process, for tests: a rendezvous server, NATs of every kind, and links that delay and lose packets. The peers on it are real
/// <see cref="PeerNode"/>s; no socket is opened, no port taken, no file written. Members may be used from any thread.
/// </summary>
public sealed partial class PortholeTestNetwork : IAsyncDisposable
{
    /// <summary>The port of the server's main connections.</summary>
    private const int ServerPort = 8848;

    private readonly Lock _gate = new();
    private readonly PortholeTestOptions _options;
    private readonly PeerInternet _internet;
    private readonly SimulationPump _pump;
    private readonly TraceLog _trace;
    private readonly Dictionary<(SimulatedHost First, SimulatedHost Second), NetworkCut> _cuts = [];
    private readonly List<PeerNode> _nodes = [];
    private readonly List<IdentityKey> _identities = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private int _lastNat;
    private int _lastAddress;
    private bool _isDisposed;
    private bool _serverRuns = true;

    private PortholeTestNetwork(PortholeTestOptions options)
    {
        _options = options;
        _trace = new TraceLog(options.TraceLines);
        _internet = new PeerInternet(options.Seed, AccessLink(), options.Server, options.ServerHasTwoAddresses);
        if (options.TraceLines > 0) _internet.Simulation.Trace = new PacketTrace(capacity: 0) { Watcher = _trace.Add };
        Server = new ServerAddress(new Uri($"http://{PeerInternet.ServerAddress}:{ServerPort}"), _internet.ServerKey);
        _pump = new SimulationPump(_internet.Simulation, options.TimeProvider);
    }

    /// <summary>The server's address on this network, with its key.</summary>
    public ServerAddress Server { get; }

    /// <summary>What happened to the newest packets, a line each, and what was done to the network in between: what a test that failed prints.</summary>
    public string Trace => _pump.Invoke(_trace.ToString);

    /// <summary>Starts a network with a server on it.</summary>
    /// <param name="options">What it is like; null for the defaults.</param>
    public static Task<PortholeTestNetwork> StartAsync(PortholeTestOptions? options = null) => Task.FromResult(new PortholeTestNetwork(options ?? new PortholeTestOptions()));

    /// <summary>Adds a NAT, for peers that share it or that change to it later.</summary>
    /// <param name="profile">How it behaves: a preset of <see cref="NatProfile"/>, or one of your own.</param>
    /// <param name="options">Where it stands; null for the internet.</param>
    public TestNat AddNat(NatProfile profile, TestNatOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(profile);
        options ??= new TestNatOptions();
        if (options.Behind is not null) Check(options.Behind);
        return _pump.Invoke(() =>
        {
            int number = ++_lastNat;
            string prefix = options.IsCarrier ? $"100.64.{number}" : $"192.168.{number}";
            if (number >= byte.MaxValue) throw new InvalidOperationException("A test network has at most 254 NATs.");
            var outside = options.Behind?.Router.Inside ?? _internet.Simulation.Internet;
            string addresses = string.Join(',', Enumerable.Range(0, options.Addresses).Select(_ => options.Behind?.NextAddress() ?? NextPublicAddress()));
            var link = options.Link ?? (options.Behind is null ? AccessLink() : null);
            var router = outside.AddNat($"nat{number}", profile, addresses, $"{prefix}.0/24", link);
            if (options.MapsPorts) router.AddPortControl($"{prefix}.1");
            Note($"{router.Name} is a {profile} at {addresses}{(options.Behind is null ? string.Empty : $", behind {options.Behind}")}");
            return new TestNat(this, profile, router, prefix);
        });
    }

    /// <summary>Starts a peer on a host of its own.</summary>
    /// <param name="name">The peer's name, which nobody else has on this network.</param>
    /// <param name="behind">The NAT before it, which nobody shares; null for a host with a public address.</param>
    /// <param name="configure">Changes the peer's options; by default it takes anyone's calls.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <returns>A registered peer, which is closed with the network, or before.</returns>
    /// <exception cref="PeerException">It could not be registered: the server is stopped, for example.</exception>
    public Task<PeerNode> StartPeerAsync(
        string name, NatProfile? behind = null, Func<PeerOptions, PeerOptions>? configure = null, CancellationToken cancellationToken = default) =>
        StartAsync(CreateOptions(name, behind), configure, cancellationToken);

    /// <summary>Starts a peer on a host of its own behind a NAT of the network.</summary>
    /// <param name="name">The peer's name, which nobody else has on this network.</param>
    /// <param name="behind">The NAT, which others may share.</param>
    /// <param name="configure">Changes the peer's options; by default it takes anyone's calls.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <returns>A registered peer, which is closed with the network, or before.</returns>
    /// <exception cref="PeerException">It could not be registered: the server is stopped, for example.</exception>
    public Task<PeerNode> StartPeerAsync(
        string name, TestNat behind, Func<PeerOptions, PeerOptions>? configure = null, CancellationToken cancellationToken = default) =>
        StartAsync(CreateOptions(name, behind), configure, cancellationToken);

    /// <summary>
    /// Adds a host, and gives the options of a peer on it, for programs that start the peer themselves. They close it too, before the network.
    /// </summary>
    /// <param name="name">The peer's name, which nobody else has on this network.</param>
    /// <param name="behind">The NAT before it, which nobody shares; null for a host with a public address.</param>
    public PeerOptions CreateOptions(string name, NatProfile? behind = null) => behind is not null
        ? CreateOptions(name, AddNat(behind))
        : CreateOptions(name, host => _internet.Simulation.Internet.AddHost(host, NextPublicAddress(), AccessLink()));

    /// <inheritdoc cref="CreateOptions(string, NatProfile?)"/>
    /// <param name="name">The peer's name, which nobody else has on this network.</param>
    /// <param name="behind">The NAT, which others may share.</param>
    public PeerOptions CreateOptions(string name, TestNat behind)
    {
        Check(behind);
        return CreateOptions(name, host => behind.Router.Inside.AddHost(host, behind.NextAddress()));
    }

    /// <summary>Closes the peers that the network has started, and ends it. Nothing of it is left then.</summary>
    /// <exception cref="InvalidOperationException">The simulation has failed, which is a defect.</exception>
    public async ValueTask DisposeAsync()
    {
        PeerNode[] nodes;
        lock (_gate)
        {
            _isDisposed = true;
            nodes = [.. _nodes];
            _nodes.Clear();
        }

        await Task.WhenAll(nodes.Select(static node => node.DisposeAsync().AsTask())).ConfigureAwait(false);
        await _pump.DisposeAsync().ConfigureAwait(false);
        lock (_gate)
        {
            foreach (var identity in _identities) identity.Dispose();
            _identities.Clear();
        }

        if (_pump.Defect is { } defect) throw new InvalidOperationException($"The test network has failed: {defect.Message}", defect);
    }

    private async Task<PeerNode> StartAsync(PeerOptions options, Func<PeerOptions, PeerOptions>? configure, CancellationToken cancellationToken)
    {
        PeerNode node;
        try
        {
            node = await PeerNode.StartAsync(configure is null ? options : configure(options), cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            _pump.Post(() => _names.Remove(PeerName.Normalize(options.Name!))); // whoever tries again gets a new host
            throw;
        }

        lock (_gate)
        {
            if (!_isDisposed)
            {
                _nodes.Add(node);
                return node;
            }
        }

        await node.DisposeAsync().ConfigureAwait(false);
        throw new ObjectDisposedException(nameof(PortholeTestNetwork));
    }

    private PeerOptions CreateOptions(string name, Func<string, SimulatedHost> addHost)
    {
        if (!PeerName.IsValid(name)) throw new ArgumentException("A name has 1 to 32 of a-z, 0-9, '-', '_' and '.', and begins with a letter or a digit.", nameof(name));
        var host = _pump.Invoke(() =>
        {
            if (!_names.Add(PeerName.Normalize(name))) throw new ArgumentException($"There is a peer named {name} on this network already.", nameof(name));
            var added = addHost(name);
            Note($"{name} is at {string.Join(", ", added.Addresses.Select(static address => address.Address))}, {Place(added)}");
            return new HostNetwork(this, _pump, added);
        });
        var identity = IdentityKey.Generate(SeededEntropy.ForStream(_options.Seed, StreamOf(name)));
        lock (_gate) _identities.Add(identity);
        return new PeerOptions
        {
            Server = Server,
            Name = name,
            Identity = identity,
            KnownPeers = KnownPeers.InMemory(),
            KnownServers = KnownServers.InMemory(),
            Accept = AcceptPolicy.Anyone,
            Network = host,
            TimeProvider = _options.TimeProvider,
            LoggerFactory = _options.LoggerFactory,
        };
    }

    /// <summary>Half of the way, each for one side.</summary>
    private LinkOptions AccessLink() => new() { Delay = _options.Latency / 2 };

    /// <summary>On the pump's thread.</summary>
    private void Note(string what) => _trace.Add(_internet.Simulation.Now, what);

    /// <summary>A public address that nobody had before: TEST-NET-3 (RFC 5737), then the networks for benchmarks (RFC 2544).</summary>
    private string NextPublicAddress()
    {
        int number = ++_lastAddress;
        return number < byte.MaxValue ? $"203.0.113.{number}" : $"198.18.{number / 250}.{number % 250 + 1}";
    }

    private void Check(TestNat nat)
    {
        ArgumentNullException.ThrowIfNull(nat);
        if (nat.Owner != this) throw new ArgumentException($"{nat} belongs to another network.", nameof(nat));
    }

    private HostNetwork HostOf(PeerNode peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        return peer.Options.Network is HostNetwork host && host.Owner == this ? host : throw new ArgumentException($"{peer} is not on this network.", nameof(peer));
    }

    private static string Place(SimulatedHost host) => host.Network.Gateway is { } gateway ? $"behind {gateway.Name}" : "on the internet";

    /// <summary>The keys of a peer follow from its name, whoever was started before it (FNV-1a).</summary>
    private static ulong StreamOf(string name) => Encoding.UTF8.GetBytes(PeerName.Normalize(name)).Aggregate(0xCBF2_9CE4_8422_2325, static (hash, value) => (hash ^ value) * 0x0000_0100_0000_01B3);
}
