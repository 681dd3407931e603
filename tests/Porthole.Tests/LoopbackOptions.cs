using System.Net;
using Porthole.Identity;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Tests;

/// <summary>What peers on loopback are started with: a key of their own, no files, and the time that a loaded machine takes.</summary>
internal static class LoopbackOptions
{
    public static PeerOptions At(ServerAddress server, string? name = null, AcceptPolicy accept = AcceptPolicy.Nobody, IdentityKey? identity = null) => new()
    {
        Server = server,
        Name = name,
        Identity = identity ?? IdentityKey.Generate(OperatingSystemEntropy.Instance),
        KnownPeers = KnownPeers.InMemory(),
        KnownServers = KnownServers.InMemory(),
        Accept = accept,
        BindAddress = IPAddress.Loopback,
        StartTimeout = LoopbackPeers.Patience,
    };
}
