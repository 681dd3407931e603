using Porthole.Protocol.Session;
using static Porthole.Protocol.Tests.Session.PacketPair;

namespace Porthole.Protocol.Tests.Session;

/// <summary>RFC 9001 section 6, with the header's second phase bit in place of acknowledgements.</summary>
public sealed class KeyUpdateTests
{
    [Fact]
    public void No_update_begins_before_the_other_side_was_heard()
    {
        var pair = new PacketPair();
        Assert.False(pair.Near.TryUpdateKeys());
        AssertPasses(pair.Near, pair.Far);
        Assert.True(pair.Far.CanUpdateKeys);
        Assert.False(pair.Near.CanUpdateKeys);
        AssertPasses(pair.Far, pair.Near);
        Assert.True(pair.Near.TryUpdateKeys());
        Assert.Equal(1ul, pair.Near.SendKeyNumber);
    }

    [Fact]
    public void The_other_side_follows_an_update_with_its_first_packet()
    {
        var pair = Confirmed();
        Assert.True(pair.Near.TryUpdateKeys());
        AssertPasses(pair.Far, pair.Near); // still with the old key
        AssertPasses(pair.Near, pair.Far);
        Assert.Equal((1ul, 1ul), (pair.Far.ReceiveKeyNumber, pair.Far.SendKeyNumber));
        Assert.False(pair.Near.TryUpdateKeys()); // nothing heard yet under the new key
        AssertPasses(pair.Far, pair.Near);
        Assert.Equal((1ul, 1ul), (pair.Near.ReceiveKeyNumber, pair.Near.SendKeyNumber));
        Assert.True(pair.Near.TryUpdateKeys());
    }

    [Fact]
    public void Both_sides_may_update_at_once()
    {
        var pair = Confirmed();
        Assert.True(pair.Near.TryUpdateKeys());
        Assert.True(pair.Far.TryUpdateKeys());
        byte[] near = Seal(pair.Near, []), far = Seal(pair.Far, []);
        Assert.True(Open(pair.Far, near));
        Assert.True(Open(pair.Near, far));
        Assert.Equal((1ul, 1ul), (pair.Near.SendKeyNumber, pair.Far.SendKeyNumber));
        Assert.False(pair.Near.CanUpdateKeys); // its packet crossed ours: it says nothing about ours
        Assert.False(pair.Far.CanUpdateKeys);
        AssertPasses(pair.Near, pair.Far);
        AssertPasses(pair.Far, pair.Near);
        Assert.True(pair.Near.CanUpdateKeys);
        Assert.True(pair.Far.CanUpdateKeys);
    }

    [Fact]
    public void Keys_change_by_themselves_and_lose_nothing()
    {
        var pair = new PacketPair(new PacketProtectionLimits { UpdateAfter = 10, PacketLimit = 20 });
        for (int i = 0; i < 1_000; i++)
        {
            AssertPasses(pair.Near, pair.Far);
            if (i % 3 == 0) AssertPasses(pair.Far, pair.Near);
        }

        Assert.InRange(pair.Near.SendKeyNumber, 60ul, 100ul);
        Assert.InRange(pair.Near.SendKeyNumber - pair.Near.ReceiveKeyNumber, 0ul, 1ul);
        Assert.Equal(0ul, pair.Near.Forgeries + pair.Far.Forgeries);
        Assert.Equal(1_000ul, pair.Near.NextPacketNumber); // numbers go on over all keys
    }

    [Fact]
    public void The_key_is_changed_at_exactly_its_number_of_packets()
    {
        var pair = Confirmed(new PacketProtectionLimits { UpdateAfter = 5, PacketLimit = 8 });
        for (int i = 1; i < 5; i++) AssertPasses(pair.Near, pair.Far); // one was sealed to get confirmed
        Assert.Equal(0ul, pair.Near.SendKeyNumber);
        AssertPasses(pair.Near, pair.Far);
        Assert.Equal(1ul, pair.Near.SendKeyNumber);
    }

    [Fact]
    public void No_key_seals_more_than_its_limit()
    {
        var pair = new PacketPair(new PacketProtectionLimits { UpdateAfter = 5, PacketLimit = 8 }); // the other side is silent, so no update can begin
        for (int i = 0; i < 8; i++)
        {
            Assert.True(pair.Near.CanSeal);
            Seal(pair.Near, []);
        }

        Assert.False(pair.Near.CanSeal);
        Assert.Throws<InvalidOperationException>(() => Seal(pair.Near, []));
        Assert.Equal(8ul, pair.Near.NextPacketNumber);
        AssertPasses(pair.Far, pair.Near);
        Assert.True(pair.Near.CanSeal);
        AssertPasses(pair.Near, pair.Far);
    }

    [Fact]
    public void The_defaults_are_the_limits_of_the_RFC()
    {
        Assert.Equal(1ul << 23, PacketProtectionLimits.Default.PacketLimit);
        Assert.True(PacketProtectionLimits.Default.UpdateAfter < PacketProtectionLimits.Default.PacketLimit);
        Assert.Equal(1ul << 52, PacketProtectionLimits.Default.ForgeryLimit);
    }

    [Fact]
    public void A_delayed_packet_of_the_old_key_opens_until_its_retention_ends()
    {
        var pair = Confirmed();
        pair.Far.SetRetention(TimeSpan.FromMilliseconds(300));
        byte[] one = Seal(pair.Near, []), two = Seal(pair.Near, []), three = Seal(pair.Near, []);
        pair.Near.TryUpdateKeys();
        Assert.Null(pair.Far.NextDeadline);
        AssertPasses(pair.Near, pair.Far, atMilliseconds: 1_000);
        Assert.Equal(Instant.FromMilliseconds(1_300), pair.Far.NextDeadline);
        Assert.True(Open(pair.Far, one, 1_000));
        Assert.True(Open(pair.Far, two, 1_299.9));
        Assert.False(Open(pair.Far, three, 1_300));
        pair.Far.HandleDeadline(Instant.FromMilliseconds(1_299));
        Assert.NotNull(pair.Far.NextDeadline);
        pair.Far.HandleDeadline(Instant.FromMilliseconds(1_300));
        Assert.Null(pair.Far.NextDeadline);
        Assert.False(Open(pair.Far, three, 1_300));
    }

    [Fact]
    public void A_forged_update_changes_no_state()
    {
        var pair = Confirmed();
        for (int i = 0; i < 100; i++)
        {
            byte[] forged = Seal(pair.Near, "x"u8);
            forged[0] ^= 0x01; // the other phase
            Assert.False(Open(pair.Far, forged));
            byte[] ahead = new byte[60];
            new PacketHeader(new SessionId(255), ulong.MaxValue - (ulong)i, KeyPhase: true, OpenedPhase: true).WriteTo(ahead);
            Assert.False(Open(pair.Far, ahead));
        }

        Assert.Equal((0ul, 0ul), (pair.Far.SendKeyNumber, pair.Far.ReceiveKeyNumber));
        Assert.Null(pair.Far.NextDeadline);
        Assert.Equal(200ul, pair.Far.Forgeries);
        AssertPasses(pair.Near, pair.Far);
        AssertPasses(pair.Far, pair.Near);
    }

    [Fact]
    public void An_old_packet_does_not_confirm_the_key_two_updates_later()
    {
        var pair = Confirmed();
        byte[] first = Seal(pair.Far, []); // says: I have your key 0; stays on the way
        Assert.True(pair.Near.TryUpdateKeys());
        AssertPasses(pair.Near, pair.Far);
        byte[] second = Seal(pair.Far, []); // says: I have your key 1; stays on the way
        AssertPasses(pair.Far, pair.Near);
        Assert.True(pair.Near.TryUpdateKeys());

        // Key 2 has the bit of key 0.
        Assert.True(Open(pair.Near, first));
        Assert.False(pair.Near.CanUpdateKeys);
        Assert.True(Open(pair.Near, second));
        Assert.False(pair.Near.CanUpdateKeys);
        AssertPasses(pair.Near, pair.Far);
        AssertPasses(pair.Far, pair.Near);
        Assert.True(pair.Near.CanUpdateKeys);
    }

    [Fact]
    public void Updates_survive_loss_reordering_and_updates_from_both_sides()
    {
        for (int seed = 0; seed < 30; seed++)
        {
            var random = new Random(seed);
            var pair = Confirmed();
            var flights = new Dictionary<PacketProtection, List<byte[]>> { [pair.Near] = [], [pair.Far] = [] };
            int opened = 0, refused = 0;
            for (int step = 0; step < 2_000; step++)
            {
                var (from, to) = random.Next(2) == 0 ? (pair.Near, pair.Far) : (pair.Far, pair.Near);
                if (random.Next(20) == 0) from.TryUpdateKeys();
                var flight = flights[to];
                flight.Add(Seal(from, "x"u8));
                while (flight.Count > 5)
                {
                    int index = random.Next(flight.Count);
                    byte[] packet = flight[index];
                    flight.RemoveAt(index);
                    if (random.Next(10) == 0) continue; // lost
                    if (Open(to, packet, step)) opened++;
                    else refused++;
                }
            }

            // Only what was delayed over two updates of its sender may be refused.
            Assert.True(refused <= opened / 20, $"seed {seed}: {refused} refused, {opened} opened");
            Assert.True(pair.Near.SendKeyNumber > 20, $"seed {seed}: {pair.Near.SendKeyNumber} keys");
            AssertPasses(pair.Near, pair.Far, 10_000);
            AssertPasses(pair.Far, pair.Near, 10_000);
        }
    }

    private static PacketPair Confirmed(PacketProtectionLimits? limits = null)
    {
        var pair = new PacketPair(limits);
        AssertPasses(pair.Near, pair.Far);
        AssertPasses(pair.Far, pair.Near);
        return pair;
    }
}
