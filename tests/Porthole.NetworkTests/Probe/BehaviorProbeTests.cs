using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;
using Porthole.Lab.Probe;

namespace Porthole.NetworkTests.Probe;

/// <summary>The model held against reality: one script, the same report.</summary>
public sealed class BehaviorProbeTests
{
    [RootTheory]
    [InlineData(KernelNatKind.FullCone)]
    [InlineData(KernelNatKind.Restricted)]
    [InlineData(KernelNatKind.PortRestricted)]
    [InlineData(KernelNatKind.Poisonable)]
    [InlineData(KernelNatKind.Symmetric)]
    [InlineData(KernelNatKind.Firewall)]
    public void The_kernels_NAT_and_its_model_give_the_same_report(KernelNatKind kind)
    {
        Agreement.Check(morePatience =>
        {
            using var lab = new KernelLab();
            var site = lab.AddSite(kind);
            using var network = new KernelProbeNetwork(lab, site) { MorePatience = morePatience };
            var model = BehaviorProbe.Run(new MiddleboxNetwork(KernelModels.Of(kind, site.WanAddress), network.Inside, network.Outside));
            return (model.ToString(), BehaviorProbe.Run(network).ToString());
        });
    }

    [RootFact]
    public void A_full_cone_that_hairpins_gives_the_report_of_its_model()
    {
        Agreement.Check(morePatience =>
        {
            using var lab = new KernelLab();
            var site = lab.AddSite(KernelNatKind.FullCone, hairpin: true);
            using var network = new KernelProbeNetwork(lab, site) { MorePatience = morePatience };
            var profile = NatProfile.FullCone with { Hairpinning = Hairpinning.ExternalSource };
            var model = BehaviorProbe.Run(new MiddleboxNetwork(KernelModels.Table(profile, site.WanAddress), network.Inside, network.Outside));
            return (model.ToString(), BehaviorProbe.Run(network).ToString());
        });
    }

    [RootFact]
    public void A_carriers_NAT_on_top_makes_a_cone_of_it_what_the_carrier_is()
    {
        Agreement.Check(morePatience =>
        {
            using var lab = new KernelLab();
            var site = lab.AddSite(KernelNatKind.FullCone, lab.AddCarrier(KernelNatKind.Symmetric));
            using var network = new KernelProbeNetwork(lab, site) { MorePatience = morePatience };
            var seen = BehaviorProbe.Run(network);
            return (
                (NatMapping.AddressAndPortDependent, NatFiltering.AddressAndPortDependent, PortChoice.Random).ToString(),
                (seen.Mapping, seen.Filtering, seen.Allocation).ToString());
        });
    }
}
