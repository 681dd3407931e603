using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Porthole.Hosting;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Tests.AspNetCore;

namespace Porthole.Tests.Hosting;

public sealed class PortholeServiceTests : IAsyncLifetime
{
    private LoopbackServer _server = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _server = await LoopbackServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Fact]
    public async Task A_host_has_a_peer_for_as_long_as_it_runs()
    {
        using var host = Host("bob", AcceptPolicy.Anyone);
        var porthole = host.Services.GetRequiredService<IPorthole>();
        Assert.Equal((null, PortholeStatusKind.Starting), (porthole.Node, porthole.Status.Kind));
        await host.StartAsync(Token);
        var bob = await porthole.GetNodeAsync(Token).AsTask().WaitAsync(WebPeers.Patience, Token);
        Assert.Equal(("bob", PortholeStatusKind.Registered), (bob.Name, porthole.Status.Kind));
        Assert.Same(bob, porthole.Node);
        await host.StopAsync(Token);
        Assert.True(bob.Stopped.IsCompleted);
        Assert.Equal((null, PortholeStatusKind.Ended), (porthole.Node, porthole.Status.Kind));
        var error = await Assert.ThrowsAsync<PeerException>(() => porthole.GetNodeAsync(Token).AsTask());
        Assert.Equal(PeerError.Closed, error.Error);
    }

    [Fact]
    public async Task Two_hosts_talk_HTTP_and_the_caller_is_the_user()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddPorthole(Settings("bob", AcceptPolicy.Anyone)).AddPorthole(Customize());
        builder.Services.AddAuthentication().AddPorthole();
        builder.Services.AddAuthorization();
        builder.WebHost.UsePorthole();
        await using var app = builder.Build();
        app.UseAuthentication();
        app.UseAuthorization();
        app.MapGet("/", static (HttpContext context) => $"{context.User.Identity!.Name} {context.User.FindFirst(System.Security.Claims.ClaimTypes.NameIdentifier)!.Value}").RequireAuthorization();
        await app.StartAsync(Token);

        using var client = Host("alice", AcceptPolicy.Nobody, static services => services.AddHttpClient("bob", static http => http.BaseAddress = new Uri("http://bob.porthole/")).UsePorthole());
        await client.StartAsync(Token); // a request waits until both are registered
        await app.Services.GetRequiredService<IPorthole>().GetNodeAsync(Token).AsTask().WaitAsync(WebPeers.Patience, Token);
        var alice = client.Services.GetRequiredService<IPorthole>();
        string answer = await client.Services.GetRequiredService<IHttpClientFactory>().CreateClient("bob").GetStringAsync("/", Token).WaitAsync(WebPeers.Patience, Token);
        Assert.Equal($"alice {alice.Node!.Id}", answer);
        await client.StopAsync(Token);
    }

    [Fact]
    public async Task A_server_that_comes_later_is_found_and_the_health_says_how_it_stands()
    {
        int port = FreePorts.Next();
        await _server.DisposeAsync();
        var log = new ListLogger();
        using var host = Host("bob", AcceptPolicy.Anyone, services => services.AddSingleton<ILoggerProvider>(log), $"http://127.0.0.1:{port}");
        await host.StartAsync(Token);
        await log.WaitForAsync(2200, WebPeers.Patience);
        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(host)).Status);

        _server = await LoopbackServer.StartAsync(port: port);
        var porthole = host.Services.GetRequiredService<IPorthole>();
        await porthole.GetNodeAsync(Token).AsTask().WaitAsync(WebPeers.Patience, Token);
        Assert.Equal(HealthStatus.Healthy, (await CheckAsync(host)).Status);

        await using var alice = await PeerNode.StartAsync(LoopbackOptions.At(_server.Address, "alice"), Token);
        var connection = await alice.ConnectAsync("bob", Token);
        await connection.WaitForDirectAsync(WebPeers.Patience, Token);
        await UntilAsync(async () => (int)(await CheckAsync(host)).Data["direct"] == 1);
        await _server.DisposeAsync();
        await UntilAsync(async () => (await CheckAsync(host)).Status == HealthStatus.Degraded);
        await connection.CloseAsync();
        await UntilAsync(async () => (await CheckAsync(host)).Status == HealthStatus.Unhealthy);
        await host.StopAsync(Token);
        Assert.Equal(HealthStatus.Unhealthy, (await CheckAsync(host)).Status);
        _server = await LoopbackServer.StartAsync();
    }

    [Fact]
    public async Task A_peer_that_ends_is_started_again()
    {
        using var host = Host("bob", AcceptPolicy.Anyone);
        await host.StartAsync(Token);
        var porthole = host.Services.GetRequiredService<IPorthole>();
        var first = await porthole.GetNodeAsync(Token).AsTask().WaitAsync(WebPeers.Patience, Token);
        await first.DisposeAsync();
        Assert.NotSame(first, porthole.Node); // none, or the next already
        var second = await porthole.GetNodeAsync(Token).AsTask().WaitAsync(WebPeers.Patience, Token);
        Assert.NotSame(first, second);
        Assert.Equal(PortholeStatusKind.Registered, porthole.Status.Kind);
        await host.StopAsync(Token);
    }

    [Fact]
    public async Task A_host_with_wrong_settings_does_not_start_and_says_all_that_is_wrong()
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["Porthole:Nmae"] = "bob",
            ["Porthole:Name"] = "Bob!",
            ["Porthole:Server"] = "ftp://example",
            ["Porthole:Accept"] = "1",
            ["Porthole:Port"] = "70000",
            ["Porthole:HideLan"] = "perhaps",
            ["Porthole:StartTimeout"] = "soon",
            ["Porthole:Allowed:0"] = "alice",
            ["Porthole:BindAddress"] = "home",
        }).Build();
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddPorthole(configuration.GetSection("Porthole"));
        using var host = builder.Build();
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        Assert.Equal(9, error.Failures.Count());
        foreach (string part in (string[])[
            "Porthole:Nmae is no setting; there are Accept, Allowed,", "Name: A name has 1 to 32", "Server is 'ftp://example': use porthole://", "Porthole:Accept is '1': use one of Nobody, Anyone, Known, Ask",
            "Port: A port is 1 to 65535.", "Porthole:HideLan is 'perhaps': use true or false", "Porthole:StartTimeout is 'soon': use hours:minutes:seconds", "'alice' is no id", "BindAddress is 'home'"])
        {
            Assert.Contains(error.Failures, failure => failure.Contains(part, StringComparison.Ordinal) && !failure.Contains('\n'));
        }
    }

    [Theory]
    [InlineData("ConnectTimeout", "30", "Porthole:ConnectTimeout is '30': use hours:minutes:seconds")]
    [InlineData("StartTimeout", "25.00:00:00", "StartTimeout: A time-out is a millisecond to 24 days.")]
    [InlineData("Presence", "Room", "Room is not set")]
    [InlineData("Room", "a\nb", "Room: A room has")]
    [InlineData("IdentityPath", "", "IdentityPath: The path")]
    [InlineData("KnownPeersPath", "", "KnownPeersPath is empty")]
    [InlineData("KnownServersPath", "", "KnownServersPath is empty")]
    public void A_setting_that_cannot_be_meant_is_a_problem_by_its_name(string setting, string value, string problem)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?> { ["Porthole:Server"] = "example", [$"Porthole:{setting}"] = value }).Build();
        var read = new PortholeOptions();
        PortholeOptionsReader.Read(configuration.GetSection("Porthole"), read);
        Assert.Contains(problem, Assert.Single(new PortholeOptionsValidator().Validate(null, read).Failures!), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_setting_is_read_from_a_configuration()
    {
        string id = new Protocol.PeerId(new byte[32]).ToString();
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["server"] = "example:1", ["name"] = "bob", ["token"] = "t", ["identityPath"] = "i", ["knownPeersPath"] = "p", ["knownServersPath"] = "s", ["accept"] = "known",
            ["allowed"] = $"{id}, {id}", ["presence"] = "Room", ["room"] = "r", ["bindAddress"] = "127.0.0.1", ["port"] = "9", ["transports"] = "tcp", ["hideLan"] = "true",
            ["portMapping"] = "false", ["startTimeout"] = "00:00:01", ["connectTimeout"] = "00:00:02",
        }).Build();
        var read = new PortholeOptions();
        PortholeOptionsReader.Read(configuration, read);
        Assert.Empty(read.Problems);
        var (settings, untouched) = (typeof(PortholeOptions).GetProperties().Where(static property => property.Name != nameof(PortholeOptions.Customize)).ToArray(), new PortholeOptions());
        foreach (var setting in settings) Assert.NotEqual(setting.GetValue(untouched), setting.GetValue(read));
        Assert.Equal([id, id], read.Allowed);
        Assert.True(new PortholeOptionsValidator().Validate(null, read).Succeeded);
    }

    private static async Task<HealthReportEntry> CheckAsync(IHost host) => (await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token)).Entries["porthole"];

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(Token);
        late.CancelAfter(WebPeers.Patience);
        while (!await condition()) await Task.Delay(20, late.Token);
    }

    /// <summary>A key of its own and no files; the same key when the peer is started again, which holds its name.</summary>
    private static Action<PortholeOptions> Customize()
    {
        var fresh = new Lazy<PeerOptions>(() => LoopbackOptions.At(ServerAddress.Parse("localhost"), "anybody"));
        return options => options.Customize = made => made with
        {
            Identity = fresh.Value.Identity,
            KnownPeers = fresh.Value.KnownPeers,
            KnownServers = fresh.Value.KnownServers,
            BindAddress = fresh.Value.BindAddress,
        };
    }

    private IHost Host(string name, AcceptPolicy accept, Action<IServiceCollection>? more = null, string? server = null)
    {
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddPorthole(Settings(name, accept, server)).AddPorthole(Customize());
        builder.Services.AddHealthChecks().AddPorthole();
        more?.Invoke(builder.Services);
        return builder.Build();
    }

    private IConfiguration Settings(string name, AcceptPolicy accept, string? server = null) => new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
    {
        ["Server"] = server ?? _server.Address.ToString(),
        ["Name"] = name,
        ["Accept"] = accept.ToString(),
    }).Build();
}
