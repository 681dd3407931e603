using Porthole.Lab.Scenarios;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Scenarios.Attacks;

/// <summary>What several attacks have in common.</summary>
internal static class Attack
{
    public static PeerError? Failure(SimulatedPeer peer, ConnectionHandle connection) =>
        peer.Events.Select(static entry => entry.Event).OfType<PeerEvent.Failed>().FirstOrDefault(failed => failed.Connection == connection)?.Error;

    public static byte[] Relayed(SessionId session, ReadOnlySpan<byte> packet)
    {
        byte[] frame = new byte[RelayFrame.HeaderSize + packet.Length];
        RelayFrame.WriteHeader(frame, session);
        packet.CopyTo(frame.AsSpan(RelayFrame.HeaderSize));
        return frame;
    }

    /// <summary>A call of a peer that does not exist, with a handshake that opens.</summary>
    public static SessionPush NewCall(AttackWorld world, SimulatedPeer to, params string[] candidates)
    {
        var server = world.Hostile!;
        var caller = IdentityKey.Generate(server.Entropy);
        var connection = server.Of(to.Machine.Id);
        var session = SessionId.Create(server.Entropy);
        var handshake = SessionHandshake.Initiate(session, caller, PeerPin.To(connection.Key!), "alice", default, server.Entropy);
        return server.PushFor(
            connection, caller.PublicKey, session, "alice", new HandshakeOffer(HandshakePattern.IK, handshake.Outgoing),
            [.. candidates.Select(static text => HostileServer.Invented(text))]);
    }

    /// <summary>What a peer may hold more than before: some queues that have grown, no trace of thousands of messages.</summary>
    public static void AssertBounded(long before, SimulatedPeer peer) => Assert.InRange(ReachableMemory.Of(peer.Machine), 0, before + 200_000);
}
