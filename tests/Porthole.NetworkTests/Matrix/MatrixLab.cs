using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.Matrix;

/// <summary>Two registered peers of every <see cref="NetworkKind"/>, and their server, for all tests of the matrix.</summary>
public sealed class MatrixLab : IAsyncLifetime
{
    private readonly Dictionary<(NetworkKind, int), PeerProcess> _peers = [];
    private KernelLab? _lab;
    private ServerProcess? _server;

    public async ValueTask InitializeAsync()
    {
        if (!KernelLab.IsSupported(out _)) return;
        // IPv6 has no NAT here and would be a way around every IPv4 NAT that the matrix is about.
        _lab = new KernelLab(ipv6: false);
        _server = await ServerProcess.StartAsync(_lab);
        KernelSite? lan = null;
        foreach (var kind in Enum.GetValues<NetworkKind>())
        {
            foreach (int number in (int[])[1, 2])
            {
                string name = $"{kind}{number}".ToLowerInvariant();
                var host = kind switch
                {
                    NetworkKind.None => _lab.AddPublicHost(name),
                    NetworkKind.FullCone => _lab.AddSite(KernelNatKind.FullCone).AddHost(name),
                    NetworkKind.Restricted => _lab.AddSite(KernelNatKind.Restricted).AddHost(name),
                    NetworkKind.PortRestricted => _lab.AddSite(KernelNatKind.PortRestricted).AddHost(name),
                    NetworkKind.Symmetric => _lab.AddSite(KernelNatKind.Symmetric).AddHost(name),
                    NetworkKind.SameLan => (lan ??= _lab.AddSite(KernelNatKind.Symmetric)).AddHost(name),
                    NetworkKind.Firewall => _lab.AddSite(KernelNatKind.Firewall).AddHost(name),
                    NetworkKind.CarrierOnTop => _lab.AddSite(KernelNatKind.PortRestricted, _lab.AddCarrier()).AddHost(name),
                };
                _peers[(kind, number)] = await PeerProcess.StartAsync(host, _server, name);
            }
        }
    }

    internal PeerProcess Peer(NetworkKind kind, int number) => _peers[(kind, number)];

    public ValueTask DisposeAsync()
    {
        _lab?.Dispose();
        _server?.Dispose();
        return ValueTask.CompletedTask;
    }
}
