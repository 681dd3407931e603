using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Hosting;

/// <summary>
/// The settings of the peer of a program, as they stand in a configuration. <c>AddPorthole(configuration.GetSection("Porthole"))</c> reads them without reflection, and they are checked when the host starts.
/// </summary>
public sealed class PortholeOptions
{
    /// <summary>The rendezvous server, in any form of <see cref="ServerAddress"/>. It must be set.</summary>
    public string? Server { get; set; }

    /// <summary>The name to register; null to be found by id alone.</summary>
    public string? Name { get; set; }

    /// <summary>The access token that the server may ask for.</summary>
    public string? Token { get; set; }

    /// <summary>The file of the peer's key pair; it is created if it does not exist. Null is the user's own.</summary>
    public string? IdentityPath { get; set; }

    /// <summary>The file of the peers that were met before; null is the user's own.</summary>
    public string? KnownPeersPath { get; set; }

    /// <summary>The file of the servers that were used before; null is the user's own.</summary>
    public string? KnownServersPath { get; set; }

    /// <summary>Whose connections to take. With <see cref="AcceptPolicy.Anyone"/> callers are not written down (<see cref="PeerOptions.RemembersCallers"/>); with <see cref="AcceptPolicy.Ask"/> the program answers <see cref="PeerNode.AcceptCallAsync"/>.</summary>
    public AcceptPolicy Accept { get; set; } = AcceptPolicy.Nobody;

    /// <summary>The ids of the peers that <see cref="AcceptPolicy.Known"/> and <see cref="AcceptPolicy.Ask"/> let in without a question, beside the known peers.</summary>
    public IList<string> Allowed { get; } = [];

    /// <summary>Who sees this peer online.</summary>
    public PresenceMode Presence { get; set; }

    /// <summary>The room of <see cref="PresenceMode.Room"/>.</summary>
    public string? Room { get; set; }

    /// <summary>The one local address to use; null for all that are of use.</summary>
    public string? BindAddress { get; set; }

    /// <summary>The port, UDP and TCP, which must be free; null for 8900, or another if that is taken.</summary>
    public int? Port { get; set; }

    /// <summary>By what direct paths are looked for.</summary>
    public Transports Transports { get; set; } = Transports.All;

    /// <summary>Whether to keep the addresses of local networks from everybody.</summary>
    public bool HideLan { get; set; }

    /// <summary>Whether to have the gateway map a port.</summary>
    public bool PortMapping { get; set; } = true;

    /// <summary>How long one try to register may take.</summary>
    public TimeSpan StartTimeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>How long a connect may take.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>Changes what the node is started with beyond these settings: a key pair in place of a file, a network of a test. Null for nothing.</summary>
    public Func<PeerOptions, PeerOptions>? Customize { get; set; }

    /// <summary>What was wrong with the configuration that these were read from.</summary>
    internal List<string> Problems { get; } = [];
}
