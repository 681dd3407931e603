using System.Text.Json;
using System.Text.Json.Nodes;
using Porthole.Lab;
using Porthole.Lab.Kernel;
using Porthole.Protocol.Ice;

namespace Porthole.NetworkTests.Interop;

/// <summary>Debian's aioice completes checks with our agent and carries data both ways.</summary>
public sealed class AioiceTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    [AioiceTheory]
    [InlineData(IceRole.Controlling)]
    [InlineData(IceRole.Controlled)]
    public async Task On_one_network(IceRole ourRole)
    {
        using var lab = new KernelLab();
        var site = lab.AddSite(KernelNatKind.PortRestricted);
        await ConnectAndTalk(site.AddHost("ours"), site.AddHost("aioice"), ourRole, CandidateType.Host);
    }

    [AioiceTheory]
    [InlineData(IceRole.Controlling)]
    [InlineData(IceRole.Controlled)]
    public async Task With_aioice_behind_a_NAT_that_nobody_told_us_of(IceRole ourRole)
    {
        using var lab = new KernelLab();
        var ours = lab.AddPublicHost("ours");
        await ConnectAndTalk(ours, lab.AddSite(KernelNatKind.Symmetric).AddHost("aioice"), ourRole, CandidateType.PeerReflexive);
    }

    [AioiceTheory]
    [InlineData(IceRole.Controlling)]
    [InlineData(IceRole.Controlled)]
    public async Task When_both_claim_the_same_role(IceRole role)
    {
        using var lab = new KernelLab();
        var site = lab.AddSite(KernelNatKind.PortRestricted);
        await ConnectAndTalk(site.AddHost("ours"), site.AddHost("aioice"), role, CandidateType.Host, aioiceControls: role == IceRole.Controlling);
    }

    private static async Task ConnectAndTalk(
        KernelHost ourHost, KernelHost aioiceHost, IceRole ourRole, CandidateType remoteType, bool? aioiceControls = null)
    {
        var token = TestContext.Current.CancellationToken;
        string role = aioiceControls ?? ourRole == IceRole.Controlled ? "controlling" : "controlled";
        var entropy = new SeededEntropy(1);
        var credentials = IceCredentials.Create(entropy);
        using var ours = new AgentSocket(ourHost, new IceAgent(IceOptions.Default, ourRole, credentials, entropy));
        string script = Path.Combine(AppContext.BaseDirectory, "Interop", "aioice_peer.py");
        var aioice = aioiceHost.Namespace.Start(AioiceTheoryAttribute.Python, ["-B", script, role]);
        var description = JsonNode.Parse(await aioice.WaitForLineAsync(line => line.Contains("description"), s_patience, token))!;

        await aioice.Input.WriteLineAsync(JsonSerializer.Serialize(new
        {
            ufrag = credentials.UsernameFragment,
            pwd = credentials.Password,
            candidates = ours.Agent.LocalCandidates.Select(CandidateText.Format),
        }));
        await aioice.Input.FlushAsync(token);
        var remote = new IceCredentials((string)description["ufrag"]!, (string)description["pwd"]!);
        ours.Start(remote, description["candidates"]!.AsArray().Select(node => (string)node!));

        var pair = await ours.Selected.WaitAsync(s_patience, token);
        Assert.Equal(remoteType, pair.Remote.Type);
        await aioice.WaitForLineAsync(line => line.Contains("connected"), s_patience, token);
        Assert.Equal("hello from aioice", await ours.ReceiveAsync(token).WaitAsync(s_patience, token));
        for (int i = 0; i < 20; i++)
        {
            ours.Send($"datagram {i}");
            Assert.Equal($"aioice: datagram {i}", await ours.ReceiveAsync(token).WaitAsync(s_patience, token));
        }
        ours.Send("end");
        Assert.Equal(0, await aioice.WaitForExitAsync(s_patience, token));
    }
}
