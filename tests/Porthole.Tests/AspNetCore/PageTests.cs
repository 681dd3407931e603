using System.Runtime.CompilerServices;
using System.Security.Claims;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Porthole.Hosting;

namespace Porthole.Tests.AspNetCore;

/// <summary>The snippets of docs/aspnetcore.md are this code, and it runs.</summary>
public sealed class PageTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_snippets_run()
    {
        string folder = Directory.CreateTempSubdirectory("porthole-page").FullName;
        try
        {
            await using var server = await LoopbackServer.StartAsync();
            var started = new TaskCompletionSource<WebApplication>();
            string[] arguments = [
                $"--Porthole:Server={server.Address}", "--Porthole:Name=bob", "--Porthole:Accept=Anyone", "--Porthole:BindAddress=127.0.0.1", $"--Porthole:IdentityPath={Path.Combine(folder, "id")}",
                $"--Porthole:KnownPeersPath={Path.Combine(folder, "peers")}", $"--Porthole:KnownServersPath={Path.Combine(folder, "servers")}"];
            var serving = Task.Run(() => Serve(arguments, started), Token);
            var app = await started.Task.WaitAsync(WebPeers.Patience, Token);
            await app.Services.GetRequiredService<IPorthole>().GetNodeAsync(Token).AsTask().WaitAsync(WebPeers.Patience, Token);
            string answer = await CallAsync(LoopbackOptions.At(server.Address, "alice")).WaitAsync(WebPeers.Patience, Token);
            Assert.Equal("Hello alice.", answer);
            app.Lifetime.StopApplication();
            await serving.WaitAsync(WebPeers.Patience, Token);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public async Task The_page_shows_this_code()
    {
        string thisFile = ThisFile();
        string[] source = [.. (await File.ReadAllLinesAsync(thisFile, Token)).Select(static line => line.Trim())];
        string page = await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(thisFile)!, "..", "..", "..", "docs", "aspnetcore.md"), Token);
        string[] shown = [.. page.Split("```csharp").Skip(1).SelectMany(static block => block.Split("```")[0].Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)).Select(static line => line.Split(" //")[0])];
        Assert.True(shown.Length > 10);
        Assert.All(shown, line => Assert.Contains(line, source));
    }

    private static void Serve(string[] args, TaskCompletionSource<WebApplication> started)
    {
        var builder = WebApplication.CreateBuilder(args);
        builder.Services.AddPorthole(builder.Configuration.GetSection("Porthole"));
        builder.WebHost.UsePorthole();
        builder.Logging.ClearProviders();
        builder.Services.AddAuthentication().AddPorthole();
        builder.Services.AddAuthorization(options => options.AddPolicy("family", policy => policy.RequireClaim(ClaimTypes.NameIdentifier, "PEERID1", "PEERID2")));

        var app = builder.Build();
        app.MapGet("/", (HttpContext context) => $"Hello {context.GetPeer()?.Name}.");
        started.SetResult(app);
        app.Run();
    }

    private static async Task<string> CallAsync(PeerOptions options)
    {
        await using var node = await PeerNode.StartAsync(options);
        using var game = node.Streams.Map("example-game/1", async (connection, stream) => { await using (stream) await PlayAsync(stream); });
        node.Streams.Start();
        using var client = new HttpClient(node.CreateHttpHandler());
        string answer = await client.GetStringAsync("http://bob.porthole/");
        return answer;
    }

    private static Task PlayAsync(PeerStream stream) => stream.CopyToAsync(Stream.Null);

    private static string ThisFile([CallerFilePath] string path = "") => path;
}
