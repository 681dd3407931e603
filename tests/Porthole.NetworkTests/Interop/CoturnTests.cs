using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Lab.Kernel;
using Porthole.NetworkTests.Cli;
using Porthole.NetworkTests.Live;
using Porthole.NetworkTests.Matrix;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Server;

namespace Porthole.NetworkTests.Interop;

/// <summary>NAT behaviour discovery (RFC 5780) with Debian's coturn: our check asks its server, and its tools ask ours.</summary>
public sealed class CoturnTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    private readonly LoopbackBlock _block = new();
    private readonly string _home = Directory.CreateTempSubdirectory("porthole-cli").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_home, recursive: true);

    /// <summary>One address is named. That coturn has another, and answers from it when asked to, shows in the filtering.</summary>
    [CoturnFact]
    public async Task Our_check_learns_from_one_address_of_coturn_what_takes_two()
    {
        using var coturn = await Coturn.StartAsync(_block[1].Address, _block[2].Address);
        var report = await NatCheck.RunAsync([TransportAddress.FromEndPoint(coturn.Address)], cancellationToken: Token);
        Assert.Equal((NatMapping.EndpointIndependent, NatFiltering.EndpointIndependent, true), (report.Mapping, report.Filtering, report.IsComplete));
        Assert.False(Assert.Single(report.Mappings).IsTranslated);
    }

    [CoturnFact]
    public async Task The_command_says_the_same()
    {
        using var coturn = await Coturn.StartAsync(_block[1].Address, _block[2].Address);
        var result = await CliProcess.RunAsync(_home, "check", "--stun", coturn.Address.ToString(), "--json");
        result.AssertEnded(0);
        AssertFound("EIM", "EIF", Assert.Single(result.Events));
    }

    [CoturnFact]
    public async Task Without_RFC_5780_coturn_tells_the_mapped_address_but_nothing_of_filtering()
    {
        using var coturn = await Coturn.StartAsync(_block[1].Address, _block[2].Address, "--no-rfc5780");
        var report = await NatCheck.RunAsync([TransportAddress.FromEndPoint(coturn.Address)], cancellationToken: Token);
        Assert.Equal((true, NatFiltering.Unknown), (report.IsUdpReachable, report.Filtering));
        Assert.False(Assert.Single(report.Mappings).IsTranslated);
    }

    /// <summary>One address is named here too: that the mapping is the same for all comes out only where OTHER-ADDRESS was learnt and asked.</summary>
    [CoturnTheory]
    [InlineData(KernelNatKind.FullCone, "EIM", "EIF")]
    [InlineData(KernelNatKind.Restricted, "EIM", "ADF")]
    [InlineData(KernelNatKind.PortRestricted, "EIM", "APDF")]
    [InlineData(KernelNatKind.Symmetric, "APDM", "APDF")]
    public async Task Our_check_names_the_kernels_NAT_with_coturns_help(KernelNatKind kind, string mapping, string filtering)
    {
        using var lab = new KernelLab(ipv6: false);
        var site = lab.AddSite(kind);
        using var coturn = await Coturn.StartAsync(lab);
        var check = site.AddHost("alice").Namespace.Start(
            Programs.Porthole, ["check", "--stun", coturn.Address.ToString(), "--json"], new Dictionary<string, string> { ["XDG_CONFIG_HOME"] = _home });
        var report = JsonNode.Parse(await check.WaitForLineAsync(static line => line.StartsWith('{'), s_patience, Token))!;
        AssertFound(mapping, filtering, report);
        Assert.StartsWith($"{site.PublicAddress}:", (string)report["mapped"]!, StringComparison.Ordinal);
        Assert.Equal(0, await check.WaitForExitAsync(s_patience, Token));
    }

    [CoturnFact]
    public async Task Coturns_tool_finds_no_NAT_with_our_server()
    {
        await using var server = await StartServerAsync();
        Assert.Equal(("Endpoint Independent", "Endpoint Independent"), await Coturn.DiscoverAsync(server.Stun[0].ToEndPoint()));
    }

    [CoturnFact]
    public async Task Coturns_plain_client_is_told_its_address_and_our_other_one()
    {
        await using var server = await StartServerAsync();
        string answer = await Coturn.AskAsync(server.Stun[0].ToEndPoint());
        Assert.Contains($"Response origin: : {server.Stun[0]}", answer, StringComparison.Ordinal);
        Assert.Contains($"Other addr: : {_block[2].Address}:", answer, StringComparison.Ordinal);
        Assert.Contains("UDP reflexive addr: 127.0.0.1:", answer, StringComparison.Ordinal);
    }

    [CoturnTheory]
    [InlineData(KernelNatKind.FullCone, "Endpoint Independent", "Endpoint Independent")]
    [InlineData(KernelNatKind.Restricted, "Endpoint Independent", "Address Dependent")]
    [InlineData(KernelNatKind.PortRestricted, "Endpoint Independent", "Address and Port Dependent")]
    [InlineData(KernelNatKind.Symmetric, "Address and Port Dependent", "Address and Port Dependent")]
    public async Task Coturns_tool_names_the_kernels_NAT_with_our_servers_help(KernelNatKind kind, string mapping, string filtering)
    {
        using var lab = new KernelLab(ipv6: false);
        var host = lab.AddSite(kind).AddHost("alice");
        using var server = await ServerProcess.StartAsync(lab);
        Assert.Equal((mapping, filtering), await Coturn.DiscoverAsync(new IPEndPoint(lab.Server.Address, 3478), host));
    }

    private static void AssertFound(string mapping, string filtering, JsonNode report) =>
        Assert.Equal((mapping, filtering), ((string?)report["mapping"], (string?)report["filtering"]));

    private Task<PortholeServer> StartServerAsync() => PortholeServer.StartAsync(
        new PortholeServerOptions { Address = _block[1].Address, SecondStunAddress = _block[2].Address, Port = 0, StunPort = 0 }, NullLoggerFactory.Instance, Token);
}
