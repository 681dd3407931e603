using Porthole.Lab;
using Porthole.Lab.Nat;

namespace Porthole.Testing;

// What can be done to a network while peers use it. Each call returns when it is done.
public sealed partial class PortholeTestNetwork
{
    /// <summary>Kills the server: main connections break, STUN is silent. What goes directly from peer to peer goes on.</summary>
    public void StopServer() => _pump.Invoke(() =>
    {
        if (!_serverRuns) return;
        _serverRuns = false;
        Note("the server is stopped");
        _internet.KillServer();
    });

    /// <summary>Starts the server again, with the key and the names it had. Peers come back by themselves.</summary>
    public void StartServer() => _pump.Invoke(() =>
    {
        if (_serverRuns) return;
        _serverRuns = true;
        Note("the server is started");
        _internet.StartServer();
    });

    /// <summary>
    /// Cuts the direct paths between two peers until <see cref="Heal"/>: no packet passes from one to the other, whatever way it goes. Both still reach the server.
    /// Where a peer shares a NAT, packets to the NAT count as packets to the peer.
    /// </summary>
    public void CutPath(PeerNode first, PeerNode second)
    {
        var (one, other) = (HostOf(first).Host, HostOf(second).Host);
        _pump.Invoke(() =>
        {
            if (_cuts.ContainsKey((one, other)) || _cuts.ContainsKey((other, one))) return;
            Note($"the path between {one.Name} and {other.Name} is cut");
            _cuts.Add((one, other), _internet.Simulation.CutDirect(one, other));
        });
    }

    /// <summary>Ends a cut.</summary>
    public void Heal(PeerNode first, PeerNode second)
    {
        var (one, other) = (HostOf(first).Host, HostOf(second).Host);
        _pump.Invoke(() =>
        {
            if (!_cuts.Remove((one, other), out var cut) && !_cuts.Remove((other, one), out cut)) return;
            Note($"the path between {one.Name} and {other.Name} is healed");
            cut.Heal();
        });
    }

    /// <summary>Blocks UDP for a peer, or lets it pass again: as in some offices, TCP passes.</summary>
    public void BlockUdp(PeerNode peer, bool isBlocked = true)
    {
        var host = HostOf(peer).Host;
        _pump.Invoke(() =>
        {
            Note($"UDP is {(isBlocked ? "blocked" : "no longer blocked")} for {host.Name}");
            host.Link.BlocksUdp = isBlocked;
        });
    }

    /// <summary>Pulls a peer's cable, or plugs it in again: nothing passes meanwhile, and nobody is told.</summary>
    public void Unplug(PeerNode peer, bool isUnplugged = true)
    {
        var host = HostOf(peer).Host;
        _pump.Invoke(() =>
        {
            Note($"{host.Name} is {(isUnplugged ? "unplugged" : "plugged in again")}");
            host.Link.IsUp = !isUnplugged;
        });
    }

    /// <summary>Changes a peer's own link, both directions: loss, jitter, rate, delay. Behind a NAT the way to the internet comes on top (<see cref="TestNatOptions.Link"/>).</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="change">Gets the link as it is, gives it as it is to be: <c>link => link with { Loss = 0.1 }</c>.</param>
    public void ChangeLink(PeerNode peer, Func<LinkOptions, LinkOptions> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        var host = HostOf(peer).Host;
        _pump.Invoke(() =>
        {
            var (up, down) = (change(host.Link.Up), change(host.Link.Down));
            (host.Link.Up, host.Link.Down) = (up, down);
            Note($"the link of {host.Name} is {up}");
        });
    }

    /// <summary>Takes a peer to another network: Wi-Fi to mobile. It gets a new address there; the old one is gone at once.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="behind">The NAT before the new network, which nobody shares; null for the internet itself.</param>
    public void ChangeNetwork(PeerNode peer, NatProfile? behind = null)
    {
        if (behind is not null)
        {
            ChangeNetwork(peer, AddNat(behind));
            return;
        }

        var host = HostOf(peer).Host;
        _pump.Invoke(() => Move(host, _internet.Simulation.Internet, NextPublicAddress(), AccessLink()));
    }

    /// <inheritdoc cref="ChangeNetwork(PeerNode, NatProfile?)"/>
    /// <param name="peer">The peer.</param>
    /// <param name="behind">The NAT before the new network, which others may share.</param>
    public void ChangeNetwork(PeerNode peer, TestNat behind)
    {
        Check(behind);
        var host = HostOf(peer).Host;
        _pump.Invoke(() => Move(host, behind.Router.Inside, behind.NextAddress(), LinkOptions.Perfect));
    }

    private void Move(SimulatedHost host, SimulatedNetwork network, string address, LinkOptions link)
    {
        Note($"{host.Name} moves to {address}, {(network.Gateway is { } gateway ? $"behind {gateway.Name}" : "on the internet")}");
        (host.Link.Up, host.Link.Down) = (link, link);
        host.Move(network, address);
    }
}
