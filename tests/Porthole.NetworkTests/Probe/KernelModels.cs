using System.Net;
using Porthole.Lab;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Probe;

/// <summary>Which model stands for which of the kernel's NATs.</summary>
internal static class KernelModels
{
    public static IMiddlebox Of(KernelNatKind kind, IPAddress external, UnsolicitedSyn answer = UnsolicitedSyn.Drop)
    {
        var tcp = NatTcpProfile.Linux with
        {
            UnsolicitedSyn = kind == KernelNatKind.Poisonable ? UnsolicitedSyn.Reset : answer,
            // A cone's table of mappings and of whom they have sent to does not look at what a segment says.
            Resets = kind is KernelNatKind.FullCone or KernelNatKind.Restricted ? TcpResetEffect.Ignored : NatTcpProfile.Linux.Resets,
        };
        return kind == KernelNatKind.Firewall ? new StatefulFirewall { Tcp = tcp } : Table(Profile(kind) with { Tcp = tcp }, external);
    }

    public static NatProfile Profile(KernelNatKind kind) => kind switch
    {
        KernelNatKind.FullCone => NatProfile.FullCone,
        KernelNatKind.Restricted => NatProfile.Restricted,
        KernelNatKind.PortRestricted => NatProfile.Masquerade,
        KernelNatKind.Poisonable => NatProfile.PoisonedMasquerade,
        KernelNatKind.Symmetric => NatProfile.Symmetric,
        KernelNatKind.Firewall => throw new ArgumentException("A firewall is no NAT.", nameof(kind)),
    };

    public static NatTable Table(NatProfile profile, IPAddress external) =>
        new(profile, new SeededEntropy(1), TransportAddress.From(external, 0));
}
