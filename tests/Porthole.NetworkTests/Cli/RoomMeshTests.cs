using Porthole.Cli.Chat;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.NetworkTests.Cli;

/// <summary>Whom a peer in a room calls, and when.</summary>
public sealed class RoomMeshTests
{
    private static readonly TimeSpan s_start = TimeSpan.FromMinutes(1);

    [Fact]
    public void Who_comes_later_is_called_at_once_and_who_was_here_first_has_a_while_to_call()
    {
        var mesh = new RoomMesh(Peer(5).Peer);
        mesh.Listed([Peer(1)], s_start, s_start);
        Assert.Empty(Due(mesh, s_start));
        mesh.Arrived(Peer(2), s_start);
        Assert.Equal([Peer(2)], Due(mesh, s_start));
        Assert.Equal(s_start + RoomMesh.Grace, mesh.WakeAt);
        Assert.Equal([Peer(1)], Due(mesh, s_start + RoomMesh.Grace));
        Assert.Null(mesh.WakeAt);
    }

    [Fact]
    public void Who_has_called_is_not_called()
    {
        var mesh = new RoomMesh(Peer(5).Peer);
        mesh.Listed([Peer(1)], s_start, s_start);
        Assert.False(mesh.Connected(Peer(1).Peer));
        Assert.Empty(Due(mesh, s_start + RoomMesh.Grace));
        Assert.True(mesh.IsSettled);
    }

    [Fact]
    public void An_answer_that_is_older_than_an_arrival_takes_nobody_away()
    {
        var mesh = new RoomMesh(Peer(5).Peer);
        mesh.Listed([Peer(1), Peer(2)], s_start, s_start);
        mesh.Arrived(Peer(3), s_start + TimeSpan.FromSeconds(2));
        mesh.Listed([Peer(2)], askedAt: s_start + TimeSpan.FromSeconds(1), now: s_start + TimeSpan.FromSeconds(3));
        Assert.False(mesh.Holds(Peer(1).Peer));
        Assert.True(mesh.Holds(Peer(2).Peer));
        Assert.True(mesh.Holds(Peer(3).Peer));
    }

    [Fact]
    public void After_an_end_the_lower_id_calls_first_and_nobody_calls_who_has_left()
    {
        var (low, high) = (new RoomMesh(Peer(1).Peer), new RoomMesh(Peer(2).Peer));
        low.Arrived(Peer(2), s_start);
        high.Arrived(Peer(1), s_start);
        foreach (var (mesh, other, pause) in new[] { (low, Peer(2), RoomMesh.Redial), (high, Peer(1), 2 * RoomMesh.Redial) })
        {
            Assert.Equal([other], Due(mesh, s_start));
            mesh.Connected(other.Peer);
            mesh.Ended(other.Peer, s_start);
            Assert.Equal(s_start + pause, mesh.WakeAt);
            mesh.Left(other.Peer);
            Assert.Empty(Due(mesh, s_start + pause));
        }
    }

    [Fact]
    public void Calls_that_fail_are_made_again_ever_later_and_the_reason_is_told_once()
    {
        var mesh = new RoomMesh(Peer(5).Peer);
        mesh.Arrived(Peer(1), s_start);
        var now = s_start;
        TimeSpan[] pauses = new TimeSpan[12];
        for (int i = 0; i < pauses.Length; i++)
        {
            Assert.Equal([Peer(1)], Due(mesh, now));
            Assert.Equal(i is 0 or 6, mesh.Failed(Peer(1).Peer, PeerError.Refused, i < 6 ? "no" : "never", now));
            pauses[i] = mesh.WakeAt!.Value - now;
            now = mesh.WakeAt!.Value;
        }

        Assert.Equal(RoomMesh.Redial, pauses[0]);
        Assert.Equal(2 * RoomMesh.Redial, pauses[1]);
        Assert.Equal(RoomMesh.LongestPause, pauses[^1]);
        Assert.Equal((Peer(1), "never"), Assert.Single(mesh.Missing));
        Assert.True(mesh.IsSettled is false, "nobody has said yet who is here");
        mesh.Listed([Peer(1)], now, now);
        Assert.True(mesh.IsSettled);
        mesh.Connected(Peer(1).Peer);
        Assert.Empty(mesh.Missing);
    }

    [Fact]
    public void A_call_to_somebody_who_has_called_meanwhile_may_fail_without_a_word()
    {
        var mesh = new RoomMesh(Peer(5).Peer);
        mesh.Listed([Peer(1)], s_start, s_start);
        Assert.Equal([Peer(1)], Due(mesh, s_start + RoomMesh.Grace));
        Assert.False(mesh.Connected(Peer(1).Peer));
        Assert.False(mesh.Failed(Peer(1).Peer, PeerError.ClosedByPeer, "no place", s_start + RoomMesh.Grace));
        Assert.True(mesh.IsSettled);
        mesh.Ended(Peer(1).Peer, s_start + RoomMesh.Grace);
        Assert.Null(Assert.Single(mesh.Missing).Trouble);
        Assert.Equal([Peer(1)], Due(mesh, s_start + RoomMesh.Grace + 2 * RoomMesh.Redial));
    }

    [Fact]
    public void Who_is_offline_has_left()
    {
        var mesh = new RoomMesh(Peer(5).Peer);
        mesh.Arrived(Peer(1), s_start);
        Assert.Equal([Peer(1)], Due(mesh, s_start));
        Assert.False(mesh.Failed(Peer(1).Peer, PeerError.PeerOffline, "offline", s_start));
        Assert.False(mesh.Holds(Peer(1).Peer));
    }

    [Fact]
    public void A_call_that_ended_without_a_word_is_made_again()
    {
        var mesh = new RoomMesh(Peer(5).Peer);
        mesh.Arrived(Peer(1), s_start);
        Assert.Equal([Peer(1)], Due(mesh, s_start));
        mesh.CallEnded(Peer(1).Peer, s_start);
        Assert.Equal(s_start + RoomMesh.Redial, mesh.WakeAt);
    }

    [Fact]
    public void A_connection_of_a_run_that_ended_makes_room_for_the_one_of_the_next()
    {
        var mesh = new RoomMesh(Peer(5).Peer);
        mesh.Arrived(Peer(1), s_start);
        Assert.False(mesh.Connected(Peer(1).Peer));
        mesh.Left(Peer(1).Peer); // killed: its connection does not know yet
        mesh.Arrived(Peer(1), s_start);
        Assert.Empty(Due(mesh, s_start)); // perhaps it had lost the server alone
        Assert.True(mesh.Connected(Peer(1).Peer));
        mesh.Ended(Peer(1).Peer, s_start);
        Assert.Empty(Due(mesh, s_start + RoomMesh.LongestPause));
        Assert.False(mesh.Connected(Peer(1).Peer)); // another instance
    }

    [Fact]
    public void A_mesh_is_full_at_its_limit_says_who_is_left_over_once_and_calls_them_when_somebody_leaves()
    {
        var mesh = new RoomMesh(Peer(255).Peer);
        for (byte i = 1; i < RoomMesh.MaxPeers - 1; i++)
        {
            mesh.Arrived(Peer(i), s_start);
            Assert.Equal([Peer(i)], Due(mesh, s_start));
            mesh.Connected(Peer(i).Peer);
        }

        Assert.False(mesh.IsFull);
        mesh.Arrived(Peer(200), s_start);
        mesh.Arrived(Peer(201), s_start);
        Assert.Equal([Peer(200)], Due(mesh, s_start)); // a call takes a place
        Assert.True(mesh.IsFull);
        Assert.True(mesh.TryTakeExcess(s_start, out var excess));
        Assert.Equal(Peer(201), excess);
        Assert.False(mesh.TryTakeExcess(s_start, out _));
        Assert.Null(mesh.WakeAt);
        mesh.Connected(Peer(200).Peer);
        Assert.True(mesh.IsFull);
        mesh.Left(Peer(1).Peer);
        mesh.Ended(Peer(1).Peer, s_start);
        Assert.Equal([Peer(201)], Due(mesh, s_start));
    }

    private static PeerInfo Peer(byte number)
    {
        byte[] bytes = new byte[PeerId.Size];
        bytes[0] = number;
        return new PeerInfo(new PeerId(bytes), $"peer-{number}");
    }

    private static List<PeerInfo> Due(RoomMesh mesh, TimeSpan now)
    {
        var due = new List<PeerInfo>();
        while (mesh.TryTakeDue(now, out var peer)) due.Add(peer);
        return due;
    }
}
