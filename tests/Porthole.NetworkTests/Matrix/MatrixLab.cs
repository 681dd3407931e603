using Porthole.Lab;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Matrix;

/// <summary>Registered peers in networks of every kind, and their server, for all tests of a matrix.</summary>
public abstract class MatrixLab : IAsyncLifetime
{
    private readonly Dictionary<(NetworkKind, int), PeerProcess> _peers = [];
    private KernelLab? _lab;
    private ServerProcess? _server;
    private KernelSite? _lan;

    /// <summary>What every packet meets between the networks; <c>null</c>: nothing.</summary>
    protected virtual KernelLinkOptions? Link => null;

    /// <summary>Who there is: a kind of network, a number of one's own in it, and what one's direct paths are made of.</summary>
    protected abstract IEnumerable<(NetworkKind Kind, int Number, Transports Transports)> Peers { get; }

    public async ValueTask InitializeAsync()
    {
        if (!KernelLab.IsSupported(out _)) return;
        // IPv6 has no NAT here and would be a way around every IPv4 NAT that the matrix is about.
        _lab = new KernelLab(Link, ipv6: false);
        _server = await ServerProcess.StartAsync(_lab);
        foreach (var (kind, number, transports) in Peers)
        {
            string name = $"{kind}{number}".ToLowerInvariant();
            _peers[(kind, number)] = await PeerProcess.StartAsync(AddHost(_lab, kind, name), _server, name, transports);
        }
    }

    internal PeerProcess Peer(NetworkKind kind, int number) => _peers[(kind, number)];

    public ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        _lab?.Dispose();
        _server?.Dispose();
        return ValueTask.CompletedTask;
    }

    private KernelHost AddHost(KernelLab lab, NetworkKind kind, string name) => kind switch
    {
        NetworkKind.None => lab.AddPublicHost(name),
        NetworkKind.FullCone => lab.AddSite(KernelNatKind.FullCone).AddHost(name),
        NetworkKind.Restricted => lab.AddSite(KernelNatKind.Restricted).AddHost(name),
        NetworkKind.PortRestricted => lab.AddSite(KernelNatKind.PortRestricted).AddHost(name),
        NetworkKind.Symmetric => lab.AddSite(KernelNatKind.Symmetric).AddHost(name),
        NetworkKind.SameLan => (_lan ??= lab.AddSite(KernelNatKind.Symmetric)).AddHost(name),
        NetworkKind.Firewall => lab.AddSite(KernelNatKind.Firewall).AddHost(name),
        NetworkKind.CarrierOnTop => lab.AddSite(KernelNatKind.PortRestricted, lab.AddCarrier()).AddHost(name),
        NetworkKind.OpenCarrierOnTop => lab.AddSite(KernelNatKind.PortRestricted, lab.AddCarrier(KernelNatKind.FullCone)).AddHost(name),
        NetworkKind.UdpBlocked => AddBlockedHost(lab, name),
        NetworkKind.Resetting => lab.AddSite(KernelNatKind.PortRestricted, answer: UnsolicitedSyn.Reset).AddHost(name),
        NetworkKind.SequentialSymmetric =>
            lab.AddModelledSite(external => new NatTable(NatProfile.SymmetricSequential, new SeededEntropy(1), external)).AddHost(name),
    };

    private static KernelHost AddBlockedHost(KernelLab lab, string name)
    {
        var site = lab.AddSite(KernelNatKind.PortRestricted);
        site.BlockUdp();
        return site.AddHost(name);
    }
}
