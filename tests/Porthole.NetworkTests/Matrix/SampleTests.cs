using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.Matrix;

/// <summary>The two samples that embed the bare puncher, between the kernel's NATs: what they print is copied over, as people do, and then they talk.</summary>
public sealed class SampleTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    [RootTheory]
    [InlineData("UdpPunch", KernelNatKind.PortRestricted, KernelNatKind.PortRestricted)]
    [InlineData("UdpPunch", KernelNatKind.FullCone, KernelNatKind.PortRestricted)]
    [InlineData("UdpPunch", KernelNatKind.Symmetric, KernelNatKind.Restricted)]
    [InlineData("TcpPunch", KernelNatKind.PortRestricted, KernelNatKind.PortRestricted)]
    public async Task Two_programs_punch_their_own_socket_and_talk(string sample, KernelNatKind alices, KernelNatKind bobs)
    {
        using var lab = new KernelLab(ipv6: false);
        using var server = await ServerProcess.StartAsync(lab);
        string stun = $"{lab.Server.Address}:3478";
        using var alice = lab.AddSite(alices).AddHost("alice").Namespace.Start(Programs.Sample(sample), [stun]);
        using var bob = lab.AddSite(bobs).AddHost("bob").Namespace.Start(Programs.Sample(sample), [stun]);
        string[] lines = await Task.WhenAll(LineAsync(alice, ", tell the other side: "), LineAsync(bob, ", tell the other side: "));
        await SayAsync(alice, lines[1].Split(": ", 2)[1]);
        await SayAsync(bob, lines[0].Split(": ", 2)[1]);
        await Task.WhenAll(LineAsync(alice, "Type lines"), LineAsync(bob, "Type lines"));
        server.Kill();
        await SayAsync(alice, "hello");
        Assert.Equal("> hello", await LineAsync(bob, "> "));
        await SayAsync(bob, "hello yourself");
        Assert.Equal("> hello yourself", await LineAsync(alice, "> "));
    }

    private static Task<string> LineAsync(NamespaceProcess process, string part) =>
        process.WaitForLineAsync(line => line.Contains(part, StringComparison.Ordinal), s_patience, TestContext.Current.CancellationToken);

    private static async Task SayAsync(NamespaceProcess process, string line)
    {
        await process.Input.WriteLineAsync(line);
        await process.Input.FlushAsync(TestContext.Current.CancellationToken);
    }
}
