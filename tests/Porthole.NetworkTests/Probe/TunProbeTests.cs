using Porthole.Lab;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;
using Porthole.Lab.Probe;

namespace Porthole.NetworkTests.Probe;

public sealed class TunProbeTests
{
    public static TheoryData<string> Presets => [.. NatProfile.Presets.Select(profile => profile.Name)];

    [RootTheory]
    [MemberData(nameof(Presets))]
    public void A_model_on_a_TUN_device_gives_the_report_it_gives_in_virtual_time(string preset)
    {
        var profile = NatProfile.Presets.Single(profile => profile.Name == preset);
        Agreement.Check(morePatience =>
        {
            using var lab = new KernelLab();
            var site = lab.AddModelledSite(external => new NatTable(profile, new SeededEntropy(1), external));
            using var network = new KernelProbeNetwork(lab, site) { MorePatience = morePatience };
            var model = BehaviorProbe.Run(new MiddleboxNetwork(KernelModels.Table(profile, site.WanAddress), network.Inside, network.Outside));
            return (model.ToString(), BehaviorProbe.Run(network).ToString());
        });
    }
}
