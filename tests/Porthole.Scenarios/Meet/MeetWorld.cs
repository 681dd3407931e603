using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Lab.Scenarios;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Scenarios.Meet;

/// <summary>Strangers without names, each behind a NAT of its own, and a server with a lobby.</summary>
internal sealed class MeetWorld
{
    public static readonly PairingKey Right = Key("7K2QD-M4TX-9WCB-J6RPG");

    /// <summary>The same public part, another secret.</summary>
    public static readonly PairingKey Wrong = WrongKey();

    private int _strangers;

    public MeetWorld(ulong seed = 1, RendezvousServerOptions? options = null) =>
        Net = new PeerInternet(seed, LinkOptions.WithDelay(10), options ?? new RendezvousServerOptions { Lobby = true });

    public PeerInternet Net { get; }

    public SimulatedPeer AddStranger(NatProfile? profile = null, Func<PeerMachineOptions, PeerMachineOptions>? change = null)
    {
        int number = ++_strangers;
        var nat = Net.Simulation.Internet.AddNat($"nat {number}", profile ?? NatProfile.PortRestricted, $"203.0.113.{number}", link: LinkOptions.WithDelay(10));
        var peer = Net.AddPeer($"stranger{number}", nat.Inside, $"192.168.1.{10 * number}", change: options =>
        {
            options = options with { Name = null, Accept = AcceptPolicy.Nobody };
            return change is null ? options : change(options);
        });
        Assert.True(Until(() => peer.IsRegistered, 5));
        Run(2);
        return peer;
    }

    public static ConnectionHandle Meet(SimulatedPeer peer, PairingKey? key)
    {
        ConnectionHandle handle = default;
        peer.Invoke((machine, now) => handle = machine.Meet(now, key));
        return handle;
    }

    public bool Until(Func<bool> condition, double seconds) => Net.Simulation.RunUntil(condition, TimeSpan.FromSeconds(seconds));

    public void Run(double seconds) => Net.Simulation.RunFor(TimeSpan.FromSeconds(seconds));

    /// <summary>Asserts that a connection carries bytes both ways.</summary>
    public void AssertTalk(SimulatedPeer one, SimulatedPeer other)
    {
        byte[] text = [.. Enumerable.Range(0, 5_000).Select(static i => (byte)i)];
        long atOne = one.BytesReceived + text.Length, atOther = other.BytesReceived + text.Length;
        one.Send(one.Opened, text);
        other.Send(other.Opened, text);
        Assert.True(Until(() => one.BytesReceived == atOne && other.BytesReceived == atOther, 10), "both hear the other");
    }

    public static IEnumerable<T> Events<T>(SimulatedPeer peer)
        where T : PeerEvent => peer.Events.Select(static entry => entry.Event).OfType<T>();

    private static PairingKey Key(string text) => PairingCode.TryParse(text, out var code, out string? reason) ? code.DeriveKey() : throw new FormatException(reason);

    private static PairingKey WrongKey()
    {
        // The check character does not matter here: what the server sees is the public part, and the rest is another secret.
        for (ulong seed = 1; ; seed++)
        {
            string text = "7K2QD" + PairingCode.Create(SeededEntropy.ForStream(seed, 1)).Reveal().Replace("-", "", StringComparison.Ordinal)[5..];
            if (PairingCode.TryParse(text, out var code, out _)) return code.DeriveKey();
        }
    }
}
