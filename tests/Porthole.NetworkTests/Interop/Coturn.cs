using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.Interop;

/// <summary>Debian's coturn as a STUN server of two addresses and two ports, which asks for no credentials; and the client tools that come with it.</summary>
internal sealed class Coturn : IDisposable
{
    private const string Program = "/usr/bin/turnserver";
    private const string NatDiscovery = "/usr/bin/turnutils_natdiscovery";
    private const string StunClient = "/usr/bin/turnutils_stunclient";

    // A tool waits 3 s for each answer that does not come, and two are missing behind a NAT that filters by port.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);

    private readonly string _directory = Directory.CreateTempSubdirectory("porthole-coturn").FullName;
    private NamespaceProcess? _process;

    private Coturn(IPAddress address, int port) => Address = new IPEndPoint(address, port);

    /// <summary>The address and port to ask.</summary>
    public IPEndPoint Address { get; }

    /// <summary>Whether all of it is there.</summary>
    /// <param name="reason">Why not, in a sentence.</param>
    public static bool IsInstalled(out string reason)
    {
        reason = File.Exists(Program) && File.Exists(NatDiscovery) && File.Exists(StunClient) ? "" : "The package coturn is not installed.";
        return reason.Length == 0;
    }

    /// <summary>Starts the server on two addresses of this host.</summary>
    /// <param name="first">The address to ask.</param>
    /// <param name="second">The one that it may answer from.</param>
    /// <param name="more">More options.</param>
    public static async Task<Coturn> StartAsync(IPAddress first, IPAddress second, params string[] more)
    {
        int[] ports = FreePorts(first, second);
        var coturn = new Coturn(first, ports[0]);
        await coturn.StartAsync(NamespaceProcess.Start(Program, coturn.Arguments(second, ports[1], more), null));
        return coturn;
    }

    /// <summary>Starts it on both addresses of a lab's server host.</summary>
    public static async Task<Coturn> StartAsync(KernelLab lab)
    {
        var coturn = new Coturn(lab.Server.Address, 3478);
        await coturn.StartAsync(lab.Server.Namespace.Start(Program, coturn.Arguments(lab.SecondServerAddress, 3479)));
        return coturn;
    }

    /// <summary>Lets the tool find out how the way to a server maps and filters.</summary>
    /// <param name="server">An address of a STUN server.</param>
    /// <param name="host">The host to ask from; null for this one.</param>
    /// <returns>Its two verdicts, such as "Endpoint Independent".</returns>
    public static async Task<(string Mapping, string Filtering)> DiscoverAsync(IPEndPoint server, KernelHost? host = null)
    {
        string[] arguments = ["-m", "-f", .. Target(server)];
        using var tool = host is null ? NamespaceProcess.Start(NatDiscovery, arguments, null) : host.Namespace.Start(NatDiscovery, arguments);
        int code = await tool.WaitForExitAsync(s_patience, TestContext.Current.CancellationToken);
        string output = tool.Transcript;
        Assert.True(code == 0, output);
        return (Verdict("Mapping!"), Verdict("Filtering!"));

        string Verdict(string kind)
        {
            const string Start = "NAT with ";
            string? line = output.Split('\n').LastOrDefault(line => line.StartsWith(Start, StringComparison.Ordinal) && line.EndsWith(kind, StringComparison.Ordinal));
            Assert.True(line is not null, output);
            return line[Start.Length..^kind.Length].Trim();
        }
    }

    /// <summary>
    /// Lets the plain client ask a server. It is ended after the first answer: then it has the next sent to another port (RESPONSE-PORT), which our server does for
    /// nobody without credentials, and waits there for ever.
    /// </summary>
    /// <returns>What it prints of the first answer.</returns>
    public static async Task<string> AskAsync(IPEndPoint server)
    {
        using var tool = NamespaceProcess.Start(StunClient, Target(server), null);
        await tool.WaitForLineAsync(static line => line.Contains("UDP reflexive addr", StringComparison.Ordinal), s_patience, TestContext.Current.CancellationToken);
        return tool.Transcript;
    }

    public void Dispose()
    {
        _process?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static string[] Target(IPEndPoint server) => ["-p", server.Port.ToString(CultureInfo.InvariantCulture), server.Address.ToString()];

    /// <summary>Two UDP ports that nobody has on either address, below those that systems give out by themselves, which anybody may get the next moment.</summary>
    private static int[] FreePorts(IPAddress first, IPAddress second)
    {
        const int lowest = 20_000, highest = 32_000;
        var free = new List<int>();
        while (free.Count < 2)
        {
            int port = Random.Shared.Next(lowest, highest);
            if (!free.Contains(port) && IsFree(first, port) && IsFree(second, port)) free.Add(port);
        }

        return [.. free];

        static bool IsFree(IPAddress address, int port)
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                socket.Bind(new IPEndPoint(address, port));
                return true;
            }
            catch (SocketException exception) when (exception.SocketErrorCode is SocketError.AddressAlreadyInUse)
            {
                return false;
            }
        }
    }

    private string[] Arguments(IPAddress second, int otherPort, params string[] more) =>
    [
        "-n", // no configuration file
        $"--listening-ip={Address.Address}", $"--listening-ip={second}",
        string.Create(CultureInfo.InvariantCulture, $"--listening-port={Address.Port}"),
        string.Create(CultureInfo.InvariantCulture, $"--alt-listening-port={otherPort}"),
        "--no-auth", "--stun-only", "--no-tcp", "--no-tls", "--no-dtls", "--no-cli", "--relay-threads=1",
        "--log-file=stdout", $"--pidfile={Path.Combine(_directory, "pid")}", $"--userdb={Path.Combine(_directory, "users")}",
        .. more,
    ];

    private async Task StartAsync(NamespaceProcess process)
    {
        _process = process;
        try
        {
            // What it says when its sockets are open.
            await process.WaitForLineAsync(
                static line => line.Contains("Total General servers", StringComparison.Ordinal), s_patience, TestContext.Current.CancellationToken);
        }
        catch
        {
            Dispose();
            throw;
        }
    }
}
