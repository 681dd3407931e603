using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;

namespace Porthole.Cli;

/// <summary>The known pitfall of a server whose UDP ports somebody forgot to open: everything works, and nothing ever becomes direct by UDP. It gets a line of its own.</summary>
internal static class UdpWarning
{
    /// <summary>Whether an event says that UDP, if it is wanted, does not get through: the first round of questions, each asked four times, has brought no answer.</summary>
    public static bool Applies(PeerEvent happened, PeerOptions options) => options.Transports.HasFlag(Transports.Udp) && happened is PeerEvent.NatReported { Report: { IsUdpReachable: false, Mapping: NatMapping.Blocked } };

    /// <summary>The line.</summary>
    public static string Text(ServerAddress server) =>
        $"No answer by UDP from {server.Uri.Host}: a firewall here drops UDP, or the server's UDP ports (STUN) are closed. Open them there; until then there is no direct path by UDP.";
}
