using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.PortMapping;

/// <summary>Debian's miniupnpd on the router of a site. It ends with the lab.</summary>
internal sealed class Miniupnpd : IDisposable
{
    public const string Program = "/usr/sbin/miniupnpd";

    /// <summary>
    /// What it tells of its outside. It maps nothing where that is a reserved address, as those of the lab are, but it only tells it: no packet ever goes there.
    /// </summary>
    public const string ClaimedAddress = "11.0.0.1";

    /// <summary>UDP ports: that of SSDP, and that of PCP and NAT-PMP.</summary>
    private const int SearchPort = 1900, ControlPort = 5351;

    private readonly string _directory = Directory.CreateTempSubdirectory("porthole-gateway").FullName;
    private readonly KernelSite _site;

    private Miniupnpd(KernelSite site) => _site = site;

    /// <summary>Starts it.</summary>
    /// <param name="site">The site.</param>
    /// <param name="only">The only protocol to speak.</param>
    public static async Task<Miniupnpd> StartAsync(KernelSite site, string only)
    {
        var daemon = new Miniupnpd(site);

        // PCP and NAT-PMP share a port, and are told apart by their first byte, 2 and 0.
        string refused = only switch
        {
            "Pcp" => "udp dport 5351 @th,64,8 0 drop",
            "NatPmp" => "udp dport 5351 @th,64,8 2 drop",
            _ => "",
        };
        site.Router.LoadRules(
            $$"""
            table inet filter {
              chain miniupnpd {
              }
              chain prerouting_miniupnpd {
              }
              chain postrouting_miniupnpd {
              }
              chain gateway_in {
                type nat hook prerouting priority dstnat
                jump prerouting_miniupnpd
              }
              chain gateway_out {
                type nat hook postrouting priority srcnat - 1
                jump postrouting_miniupnpd
              }
              chain gateway_raw {
                type filter hook prerouting priority raw
                {{refused}}
              }
              chain input {
                iifname "lan" accept
              }
            }
            """);
        string configuration = Path.Combine(daemon._directory, "miniupnpd.conf");
        await File.WriteAllTextAsync(
            configuration,
            $"""
            ext_ifname=w0
            ext_ip={ClaimedAddress}
            listening_ip=lan
            enable_natpmp={(only == "Upnp" ? "no" : "yes")}
            enable_upnp={(only == "Upnp" ? "yes" : "no")}
            secure_mode=yes
            uuid=00000000-0000-4000-8000-000000000001
            allow 1024-65535 {site.Network}/{site.PrefixLength} 1024-65535

            """,
            TestContext.Current.CancellationToken);
        var process = site.Router.Start(Program, ["-d", "-f", configuration, "-P", Path.Combine(daemon._directory, "pid")]);
        int port = only == "Upnp" ? SearchPort : ControlPort;
        await Eventually.AssertAsync(() => process.HasExited || daemon.Listens(port), "the gateway listens");
        Assert.False(process.HasExited, process.Transcript);
        return daemon;
    }

    /// <summary>How many ports it maps now, as the kernel knows it.</summary>
    public int CountMappings() => _site.Router.Run("nft", "list", "chain", "inet", "filter", "prerouting_miniupnpd").Split('\n').Count(static line => line.Contains("dnat", StringComparison.Ordinal));

    /// <summary>Whether somebody on the router has a UDP port.</summary>
    private bool Listens(int port) => _site.Router.Run("cat", "/proc/net/udp").Contains($":{port:X4} ", StringComparison.Ordinal);

    public void Dispose() => Directory.Delete(_directory, recursive: true);
}
