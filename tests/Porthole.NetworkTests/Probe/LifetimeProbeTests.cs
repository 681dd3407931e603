using Porthole.Lab.Kernel;
using Porthole.Lab.Probe;

namespace Porthole.NetworkTests.Probe;

public sealed class LifetimeProbeTests
{
    [RootTheory]
    [InlineData(KernelNatKind.PortRestricted)]
    [InlineData(KernelNatKind.Symmetric)]
    public void Connection_tracking_forgets_as_its_model_does(KernelNatKind kind)
    {
        Agreement.Check(() =>
        {
            using var lab = new KernelLab();
            var site = lab.AddSite(kind);
            site.SetLifetimes(unreplied: TimeSpan.FromSeconds(2), replied: TimeSpan.FromSeconds(4));
            using var network = new KernelProbeNetwork(lab, site);
            var profile = KernelModels.Profile(kind) with { UnrepliedLifetime = TimeSpan.FromSeconds(2), RepliedLifetime = TimeSpan.FromSeconds(4) };
            var waits = (TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(2));
            var model = BehaviorProbe.Run(new MiddleboxNetwork(KernelModels.Table(profile, site.WanAddress), network.Inside, network.Outside), waits);
            Assert.Equal(
                new LifetimeObservation(UnrepliedOutlivesShort: false, RepliedOutlivesShort: true, RepliedOutlivesLong: false, InboundRefreshes: true),
                model.Lifetime);
            return (model.ToString(), BehaviorProbe.Run(network, waits).ToString());
        });
    }
}
