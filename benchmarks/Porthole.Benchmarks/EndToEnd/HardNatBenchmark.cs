using Porthole.Benchmarks.Harness;
using Porthole.Lab;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>
/// The time from the call to the direct path over UDP where one side or both give every destination another port, with 40 ms of round trip between all, each time by a new process
/// behind a new NAT; against a pair that plain punching passes.
/// </summary>
internal sealed class HardNatBenchmark : IBenchmark
{
    private const int DefaultRounds = 10;

    /// <summary>The place of the direct path in what a caller tells.</summary>
    private const int Path = 4;

    private static readonly TimeSpan s_oneWay = TimeSpan.FromMilliseconds(20);

    private ulong _seed;

    public string Name => "hard-nat";

    public string Summary => "time to a direct path through NATs with a port for each destination at 40 ms round trip; against a plain pair (needs root)";

    public async Task<string> RunAsync(int rounds)
    {
        if (!KernelLab.IsSupported(out string reason)) return $"### Hard NATs\n\nNot run: {reason}\n";
        using var lab = new KernelLab(new KernelLinkOptions { Delay = s_oneWay }, ipv6: false);
        var peers = new KernelPeers(lab);
        await peers.StartServerAsync().ConfigureAwait(false);
        const string easy = "easy", counting = "counting";
        await peers.StartCalleeAsync(PortRestricted(lab), easy, Transports.Udp).ConfigureAwait(false);
        await peers.StartCalleeAsync(Modelled(lab, NatProfile.SymmetricSequential), counting, Transports.Udp).ConfigureAwait(false);
        return await new Comparison(
            $"Direct over UDP, 40 ms round trip between all; {PeerProcess.Patience.TotalMilliseconds:0} ms stand for never",
            "ms",
            Call(lab, peers, "port-restricted × port-restricted, plain", easy, PortRestricted),
            Call(lab, peers, "sequential × port-restricted", easy, lab => Modelled(lab, NatProfile.SymmetricSequential)),
            Call(lab, peers, "sequential × sequential", counting, lab => Modelled(lab, NatProfile.SymmetricSequential)),
            Call(lab, peers, "random × port-restricted (kernel)", easy, static lab => lab.AddSite(KernelNatKind.Symmetric)),
            Call(lab, peers, "random × port-restricted (model)", easy, lab => Modelled(lab, NatProfile.Symmetric)))
            .RunAsync(rounds == 0 ? DefaultRounds : rounds).ConfigureAwait(false);
    }

    private static Contender Call(KernelLab lab, KernelPeers peers, string name, string callee, Func<KernelLab, KernelSite> addSite) => new(name, async () =>
    {
        double[]? took = await peers.CallAsync(addSite(lab), callee, Transports.Udp).ConfigureAwait(false);
        return new Sample(took?[Path] ?? PeerProcess.Patience.TotalMilliseconds);
    });

    private static KernelSite PortRestricted(KernelLab lab) => lab.AddSite(KernelNatKind.PortRestricted);

    private KernelSite Modelled(KernelLab lab, NatProfile profile) =>
        lab.AddModelledSite(external => new NatTable(profile, new SeededEntropy(++_seed), external));
}
