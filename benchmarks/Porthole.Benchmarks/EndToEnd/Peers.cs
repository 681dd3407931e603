using Porthole.Identity;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>The peers of the benchmarks: new keys, no files, and whoever calls is taken.</summary>
internal static class Peers
{
    public static PeerOptions Options(ServerAddress server, string? name) => new()
    {
        Server = server,
        Name = name,
        Identity = IdentityKey.Generate(OperatingSystemEntropy.Instance),
        KnownPeers = KnownPeers.InMemory(),
        KnownServers = KnownServers.InMemory(),
        Accept = AcceptPolicy.Anyone,
    };
}
