using Porthole.Lab;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;
using Porthole.Lab.Probe;

namespace Porthole.NetworkTests.Probe;

/// <summary>The same script with SYNs for datagrams: the kernel's TCP and its model, and a model on a TUN device.</summary>
public sealed class TcpProbeTests
{
    public static TheoryData<string> Presets =>
        [.. new[] { NatProfile.SymmetricSequential, NatProfile.Resetting, NatProfile.Unreachable, NatProfile.Strict }.Select(profile => profile.Name)];

    [RootTheory]
    [InlineData(KernelNatKind.FullCone, UnsolicitedSyn.Drop)]
    [InlineData(KernelNatKind.Restricted, UnsolicitedSyn.Reset)]
    [InlineData(KernelNatKind.PortRestricted, UnsolicitedSyn.Drop)]
    [InlineData(KernelNatKind.PortRestricted, UnsolicitedSyn.Reset)]
    [InlineData(KernelNatKind.PortRestricted, UnsolicitedSyn.PortUnreachable)]
    [InlineData(KernelNatKind.PortRestricted, UnsolicitedSyn.Prohibited)]
    [InlineData(KernelNatKind.Poisonable, UnsolicitedSyn.Drop)]
    [InlineData(KernelNatKind.Symmetric, UnsolicitedSyn.Drop)]
    [InlineData(KernelNatKind.Firewall, UnsolicitedSyn.Reset)]
    public void The_kernels_NAT_and_its_model_give_the_same_report(KernelNatKind kind, UnsolicitedSyn answer)
    {
        Agreement.Check(morePatience =>
        {
            using var lab = new KernelLab(ipv6: false);
            var site = lab.AddSite(kind, answer: answer);
            using var network = new KernelTcpProbeNetwork(lab, site) { MorePatience = morePatience };
            var model = BehaviorProbe.Run(new MiddleboxTcpNetwork(KernelModels.Of(kind, site.WanAddress, answer), network.Inside, network.Outside));
            return (model.ToString(), BehaviorProbe.Run(network).ToString());
        });
    }

    [RootTheory]
    [MemberData(nameof(Presets))]
    public void A_model_on_a_TUN_device_gives_the_report_it_gives_in_virtual_time(string preset)
    {
        var profile = NatProfile.Presets.Concat([NatProfile.Resetting, NatProfile.Unreachable, NatProfile.Strict]).First(profile => profile.Name == preset);
        Agreement.Check(morePatience =>
        {
            using var lab = new KernelLab(ipv6: false);
            var site = lab.AddModelledSite(external => new NatTable(profile, new SeededEntropy(1), external));
            using var network = new KernelTcpProbeNetwork(lab, site) { MorePatience = morePatience };
            var model = BehaviorProbe.Run(new MiddleboxTcpNetwork(KernelModels.Table(profile, site.WanAddress), network.Inside, network.Outside));
            return (model.ToString(), BehaviorProbe.Run(network).ToString());
        });
    }
}
