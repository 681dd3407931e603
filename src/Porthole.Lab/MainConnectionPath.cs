using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>The links that one direction of a main connection runs over.</summary>
internal sealed class MainConnectionPath(LinkDirection[] directions, Link[] links)
{
    /// <summary>The time that a message takes when nothing waits and nothing is lost.</summary>
    public TimeSpan Delay
    {
        get
        {
            var delay = TimeSpan.Zero;
            foreach (var direction in directions) delay += direction.Options.Delay;
            return delay;
        }
    }

    /// <summary>Whether all links are up.</summary>
    public bool IsUp
    {
        get
        {
            foreach (var link in links)
            {
                if (!link.IsUp) return false;
            }

            return true;
        }
    }

    /// <summary>When a message arrives that is sent now.</summary>
    public Instant Cross(EntropySource chance, Instant now, int length)
    {
        foreach (var direction in directions) now = direction.CrossReliably(chance, now, length);
        return now;
    }

    /// <summary>Finds the way from a host to an address, and back.</summary>
    /// <returns>False when nobody has the address.</returns>
    public static bool TryFind(
        SimulatedHost from,
        TransportAddress address,
        out SimulatedHost server,
        out MainConnectionPath there,
        out MainConnectionPath back,
        out TransportAddress seenAs)
    {
        List<Link> links = [];
        seenAs = from.Primary(address.IsIPv6);
        for (SimulatedNode? node = from; node is not null; node = node.Network.Gateway)
        {
            links.Add(node.Link);
            // A NAT shows its own address to the outside; a routed prefix stays as it is.
            if (node is SimulatedRouter { Nat: { } box } && !address.IsIPv6 && box.FindNat() is { } nat) seenAs = nat.ExternalAddresses[0];
            if (node.Network.Find(address) is not SimulatedHost found) continue;
            links.Add(found.Link);
            var up = links[..^1];
            server = found;
            there = new MainConnectionPath([.. up.Select(static link => link.UpDirection), found.Link.DownDirection], [.. links]);
            up.Reverse();
            back = new MainConnectionPath([found.Link.UpDirection, .. up.Select(static link => link.DownDirection)], [.. links]);
            return true;
        }

        (server, there, back) = (null!, null!, null!);
        return false;
    }
}
