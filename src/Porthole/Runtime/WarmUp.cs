using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;
using Porthole.Protocol.Stun;

namespace Porthole.Runtime;

/// <summary>
/// Lets two peers meet once, in memory: a server, a call, a handshake, an ICE exchange through a NAT whose next port must be foreseen, a stream over the path that was
/// found. So nothing of the protocol is compiled, and no type loaded, while a real connection is being made.
/// </summary>
internal static class WarmUp
{
    /// <summary>Whatever goes wrong, a start does not wait for longer in the world's own time.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    private static readonly TransportAddress s_server = TransportAddress.Parse("192.0.2.1:8848"); // addresses of TEST-NET-1, RFC 5737
    private static readonly TransportAddress[] s_stun = [TransportAddress.Parse("192.0.2.1:3478"), TransportAddress.Parse("192.0.2.1:3479"), TransportAddress.Parse("192.0.2.1:3480")];
    private static readonly TransportAddress s_alice = TransportAddress.Parse("192.168.0.2:0");
    private static readonly TransportAddress s_outside = TransportAddress.Parse("192.0.2.2:0");
    private static readonly TransportAddress s_bob = TransportAddress.Parse("192.0.2.3:0");

    private static readonly Lazy<Task<bool>> s_run = new(static () => Task.Run(Run));

    /// <summary>Completes when this process has done it; the first call starts it.</summary>
    /// <returns>Whether the two met and found a direct path, which they always should.</returns>
    public static Task<bool> RunAsync() => s_run.Value;

    private static bool Run()
    {
        var entropy = OperatingSystemEntropy.Instance;
        var world = new MemoryWorld();
        using IdentityKey serverKey = IdentityKey.Generate(entropy), aliceKey = IdentityKey.Generate(entropy), bobKey = IdentityKey.Generate(entropy);
        var stunKey = StunServerKey.Create(entropy);
        var router = new RelayRouter();
        var rendezvous = new RendezvousServer(
            new RendezvousServerOptions { Stun = [.. s_stun] }, serverKey, stunKey, router, entropy, world.Now, DateTimeOffset.UnixEpoch);
        var stun = new StunServer(StunServerOptions.Default with { Listen = [.. s_stun] }, stunKey, new WallClock(world.Now, DateTimeOffset.UnixEpoch), entropy);
        var alice = new PeerMachine(Options(aliceKey, "alice", serverKey.PublicKey), entropy);
        var bob = new PeerMachine(Options(bobKey, "bob", serverKey.PublicKey) with { Accept = AcceptPolicy.Anyone }, entropy);
        world.AddServer(new RendezvousHost(rendezvous, router), s_server);
        world.Add(stun, s_stun[0].Host);
        world.Add(alice, s_alice, outside: s_outside);
        world.Add(bob, s_bob, isGuarded: true);

        world.Do(alice, static (machine, now) => machine.Start(now));
        world.Do(bob, static (machine, now) => machine.Start(now));
        bool aliceReady = false, bobReady = false, isDirect = false, isAnswered = false;
        SessionStream? asked = null;
        var call = default(ConnectionHandle);
        return world.Run(s_limit, () =>
        {
            while (alice.TryTakeEvent(out var happened))
            {
                switch (happened)
                {
                    case PeerEvent.Registered:
                        aliceReady = true;
                        break;
                    case PeerEvent.Opened:
                        world.Do(alice, (machine, now) => asked = Ask(machine, now, call));
                        break;
                    case PeerEvent.PathChanged { Path.IsDirect: true }:
                        isDirect = true;
                        break;
                    case PeerEvent.SessionActivity { Event: SessionEvent.StreamReadable readable }:
                        isAnswered |= Take(alice, world.Now, call, readable.Stream) && asked is not null;
                        break;
                }
            }

            while (bob.TryTakeEvent(out var happened))
            {
                if (happened is PeerEvent.Registered) bobReady = true;
                if (happened is PeerEvent.SessionActivity { Event: SessionEvent.StreamReadable readable } activity)
                {
                    world.Do(bob, (machine, now) => Answer(machine, now, activity.Connection, readable.Stream));
                }
            }

            if (aliceReady && bobReady && call == default) world.Do(alice, (machine, now) => call = machine.Connect(now, new PeerTarget("bob", null)));
            return isDirect && isAnswered;
        });
    }

    private static PeerMachineOptions Options(IdentityKey key, string name, PublicKey server) => new()
    {
        Identity = key,
        Name = name,
        Server = new RendezvousClientOptions { Server = new Uri($"http://{s_server}"), ServerKey = server },
    };

    private static SessionStream? Ask(PeerMachine alice, Instant now, ConnectionHandle call)
    {
        if (!alice.TryOpenStream(now, call, out var stream)) return null;
        stream.TryWrite("warm"u8, out _);
        stream.CompleteWrites();
        if (stream.TryClaimActivity()) alice.HandleStreamActivity(now, call, stream);
        alice.TrySendDatagram(now, call, "warm"u8);
        return stream;
    }

    private static void Answer(PeerMachine bob, Instant now, ConnectionHandle connection, SessionStream stream)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (stream.TryRead(bytes, out int read)) stream.TryWrite(bytes[..read], out _);
        if (stream.EndOfStream) stream.CompleteWrites();
        if (stream.TryClaimActivity()) bob.HandleStreamActivity(now, connection, stream);
    }

    private static bool Take(PeerMachine alice, Instant now, ConnectionHandle call, SessionStream stream)
    {
        Span<byte> bytes = stackalloc byte[16];
        bool taken = stream.TryRead(bytes, out _);
        if (stream.TryClaimActivity()) alice.HandleStreamActivity(now, call, stream);
        return taken;
    }
}
