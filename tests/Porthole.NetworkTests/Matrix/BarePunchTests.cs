using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Porthole.Lab.Kernel;
using Porthole.Lab.Nat;

namespace Porthole.NetworkTests.Matrix;

/// <summary>Bare TCP punches between kernel NATs, with another program's protocol over the socket: TLS on both of whose sides the key is known beforehand.</summary>
public sealed class BarePunchTests : IAsyncDisposable
{
    private const int Port = 8900;
    private const long Bytes = 5_000_000;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    // Two routers that both answer with RST are punched when the SYNs cross on the wire: there must be a wire.
    private static readonly KernelLinkOptions s_link = new() { Delay = TimeSpan.FromMilliseconds(5) };

    private readonly KernelLab? _lab = KernelLab.IsSupported(out _) ? new KernelLab(s_link, ipv6: false) : null;

    public static TheoryData<KernelNatKind, UnsolicitedSyn, KernelNatKind, UnsolicitedSyn> Pairs => new()
    {
        { KernelNatKind.PortRestricted, UnsolicitedSyn.Drop, KernelNatKind.PortRestricted, UnsolicitedSyn.Drop },
        { KernelNatKind.PortRestricted, UnsolicitedSyn.Reset, KernelNatKind.PortRestricted, UnsolicitedSyn.Drop },
        { KernelNatKind.PortRestricted, UnsolicitedSyn.Reset, KernelNatKind.PortRestricted, UnsolicitedSyn.Reset },
        { KernelNatKind.FullCone, UnsolicitedSyn.Drop, KernelNatKind.Restricted, UnsolicitedSyn.Drop },
    };

    private KernelLab Lab => _lab!;

    [RootTheory]
    [MemberData(nameof(Pairs))]
    public async Task TLS_runs_over_a_punched_socket(KernelNatKind one, UnsolicitedSyn oneAnswer, KernelNatKind other, UnsolicitedSyn otherAnswer)
    {
        using var server = await ServerProcess.StartAsync(Lab);
        var alice = Start(Lab.AddSite(one, answer: oneAnswer).AddHost("alice"));
        var bob = Start(Lab.AddSite(other, answer: otherAnswer).AddHost("bob"));
        var (alices, bobs) = (await NextAsync(alice, "mapped"), await NextAsync(bob, "mapped"));
        await TellAsync(alice, bobs, isServer: false);
        await TellAsync(bob, alices, isServer: true);
        JsonNode[] both;
        try
        {
            both = [await NextAsync(alice, "done"), await NextAsync(bob, "done")];
        }
        catch (TimeoutException)
        {
            Assert.Fail($"Alice:\n{alice.Transcript}\nBob:\n{bob.Transcript}");
            throw;
        }

        foreach (var done in both)
        {
            Assert.Equal((true, Bytes, "Tls13"), ((bool)done["intact"]!, (long)done["received"]!, (string)done["protocol"]!));
            // The very port that was mapped, not a new one.
            Assert.Equal(Port, IPEndPoint.Parse((string)done["local"]!).Port);
        }
    }

    public ValueTask DisposeAsync()
    {
        _lab?.Dispose();
        return ValueTask.CompletedTask;
    }

    private NamespaceProcess Start(KernelHost host) => host.Namespace.Start(
        Programs.TestPeer, ["punch", $"{Lab.Server.Address}:3478", Port.ToString(CultureInfo.InvariantCulture)]);

    private static async Task TellAsync(NamespaceProcess side, JsonNode other, bool isServer)
    {
        await side.Input.WriteLineAsync(JsonSerializer.Serialize(new { remote = (string)other["mapped"]!, pin = (string)other["pin"]!, isServer, bytes = Bytes }));
        await side.Input.FlushAsync(TestContext.Current.CancellationToken);
    }

    private static async Task<JsonNode> NextAsync(NamespaceProcess side, string happened) => JsonNode.Parse(await side.WaitForLineAsync(
        line => line.StartsWith('{') && (string?)JsonNode.Parse(line)!["event"] == happened, s_patience, TestContext.Current.CancellationToken))!;
}
