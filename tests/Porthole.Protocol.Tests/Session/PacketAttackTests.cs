using Porthole.Protocol.Session;
using static Porthole.Protocol.Tests.Session.PacketPair;

namespace Porthole.Protocol.Tests.Session;

/// <summary>What can be tried against sealed packets; each test is named for the attack.</summary>
public sealed class PacketAttackTests
{
    [Fact]
    public void Replayed_packet_on_another_path_or_much_later()
    {
        var pair = new PacketPair();
        byte[] packet = Seal(pair.Near, "pay once"u8);
        Assert.True(Open(pair.Far, packet));
        Assert.False(Open(pair.Far, packet));
        for (int i = 0; i < ReplayWindow.Size + 100; i++) AssertPasses(pair.Near, pair.Far);
        Assert.False(Open(pair.Far, packet)); // older than the window: refused without being known
    }

    [Fact]
    public void Reflected_packet()
    {
        var pair = new PacketPair();
        byte[] packet = Seal(pair.Near, "mine"u8);
        Assert.False(Open(pair.Near, packet));
        Assert.Equal(1ul, pair.Near.Forgeries);
    }

    [Fact]
    public void Packet_of_one_session_sent_into_another()
    {
        PacketPair one = new(seed: 1, session: 1), two = new(seed: 3, session: 2);
        byte[] packet = Seal(one.Near, "one"u8);
        Assert.False(Open(two.Far, packet));
        new SessionId(2).WriteTo(packet.AsSpan(1));
        Assert.False(Open(two.Far, packet));
        Assert.Equal(1ul, two.Far.Forgeries);

        // Even under equal keys the connection id is bound.
        PacketPair twin = new(seed: 1, session: 2);
        byte[] moved = Seal(one.Near, "one"u8);
        new SessionId(2).WriteTo(moved.AsSpan(1));
        Assert.False(Open(twin.Far, moved));
    }

    [Fact]
    public void Renumbered_packet()
    {
        var pair = new PacketPair();
        byte[] packet = Seal(pair.Near, "first"u8);
        packet[PacketProtection.HeaderSize - 1]++;
        Assert.False(Open(pair.Far, packet));
        AssertPasses(pair.Near, pair.Far); // the number that was named is not burnt
    }

    [Fact]
    public void Far_ahead_numbers_of_a_stranger_do_not_move_the_window()
    {
        var pair = new PacketPair();
        byte[] early = Seal(pair.Near, []);
        byte[] forged = new byte[100];
        new PacketHeader(new SessionId(255), ulong.MaxValue, KeyPhase: false, OpenedPhase: false).WriteTo(forged);
        Assert.False(Open(pair.Far, forged));
        Assert.True(Open(pair.Far, early));
    }

    [Fact]
    public void Recorded_packet_of_a_key_that_is_gone()
    {
        var pair = new PacketPair();
        pair.Far.SetRetention(TimeSpan.FromMilliseconds(100));
        AssertPasses(pair.Near, pair.Far);
        byte[] kept = Seal(pair.Near, []);
        for (int i = 0; i < 4; i++)
        {
            AssertPasses(pair.Far, pair.Near, i * 1_000);
            Assert.True(pair.Near.TryUpdateKeys());
            AssertPasses(pair.Near, pair.Far, i * 1_000);
        }

        Assert.Equal(4ul, pair.Far.ReceiveKeyNumber);
        Assert.False(Open(pair.Far, kept, 4_000));
        AssertPasses(pair.Near, pair.Far, 4_000);
    }
}
