using System.Diagnostics;
using System.Globalization;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Porthole.Protocol.Rendezvous;
using Porthole.Server;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>
/// A server in a process of its own, so that its memory is its own: this program again, which serves and answers each line on its standard input with its
/// memory.
/// </summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    /// <summary>The argument that makes this program such a server; then the kind.</summary>
    public const string Argument = "serve";

    private readonly Process _process;

    private ServerProcess(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    public static async Task<ServerProcess> StartAsync(bool bare)
    {
        var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [Argument, bare ? "bare" : "porthole"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        string? address = await process.StandardOutput.ReadLineAsync().ConfigureAwait(false);
        return new ServerProcess(process, new Uri(address ?? throw new InvalidOperationException("The server did not start.")));
    }

    /// <summary>Collects garbage in the server, then tells its memory.</summary>
    public async Task<(double Resident, double Heap)> MeasureAsync()
    {
        await _process.StandardInput.WriteLineAsync().ConfigureAwait(false);
        string? line = await _process.StandardOutput.ReadLineAsync().ConfigureAwait(false);
        string[] parts = (line ?? throw new InvalidOperationException("The server ended.")).Split(' ');
        return (double.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close(); // the end of its input is the end of it
        await _process.WaitForExitAsync().ConfigureAwait(false);
        _process.Dispose();
    }

    /// <summary>The server's side.</summary>
    public static async Task<int> RunAsync(bool bare)
    {
        var (server, address) = bare ? await StartBareAsync().ConfigureAwait(false) : await StartPortholeAsync().ConfigureAwait(false);
        await using (server.ConfigureAwait(false))
        {
            await Console.Out.WriteLineAsync(address).ConfigureAwait(false);
            while (await Console.In.ReadLineAsync().ConfigureAwait(false) is not null)
            {
                for (int i = 0; i < 2; i++)
                {
                    GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
                    GC.WaitForPendingFinalizers();
                }

                await Console.Out.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"{Environment.WorkingSet} {GC.GetTotalMemory(forceFullCollection: false)}")).ConfigureAwait(false);
            }
        }

        return 0;
    }

    private static async Task<(IAsyncDisposable Server, string Address)> StartPortholeAsync()
    {
        var limits = new RendezvousServerOptions { MaxConnectionsPerAddress = int.MaxValue, HellosPerMinute = int.MaxValue, NewNamesPerHour = int.MaxValue }; // all peers come from one address here
        var server = await PortholeServer.StartAsync(new PortholeServerOptions { Address = IPAddress.Loopback, Rendezvous = limits }, NullLoggerFactory.Instance).ConfigureAwait(false);
        return (server, server.Http.ToString());
    }

    private static async Task<(IAsyncDisposable Server, string Address)> StartBareAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(static options => options.Listen(IPAddress.Loopback, 0));
        var web = builder.Build();
        web.UseWebSockets();
        web.Map("/", static async (HttpContext context) =>
        {
            using var webSocket = await context.WebSockets.AcceptWebSocketAsync().ConfigureAwait(false);
            await webSocket.ReceiveAsync(Memory<byte>.Empty, CancellationToken.None).ConfigureAwait(false);
        });
        await web.StartAsync().ConfigureAwait(false);
        return (web, web.Urls.Single().Replace("http:", "ws:", StringComparison.Ordinal));
    }
}
