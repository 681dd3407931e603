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
        Agreement.Check(_ => // what is waited for in vain makes other state older
        {
            using var lab = new KernelLab();
            var site = lab.AddSite(kind);
            // Seconds lie between every wait and the lifetimes beside it.
            var (unreplied, replied) = (TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(8));
            site.SetLifetimes(unreplied, replied);
            using var network = new KernelProbeNetwork(lab, site);
            var profile = KernelModels.Profile(kind) with { UnrepliedLifetime = unreplied, RepliedLifetime = replied };
            var waits = (TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(5));
            var model = BehaviorProbe.Run(new MiddleboxNetwork(KernelModels.Table(profile, site.WanAddress), network.Inside, network.Outside), waits);
            Assert.Equal(
                new LifetimeObservation(UnrepliedOutlivesShort: false, RepliedOutlivesShort: true, RepliedOutlivesLong: false, InboundRefreshes: true),
                model.Lifetime);
            return (model.ToString(), BehaviorProbe.Run(network, waits).ToString());
        });
    }
}
