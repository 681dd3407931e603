using Porthole.Protocol;

namespace Porthole.Scenarios.Attacks;

/// <summary>What the other tests rely on would be noticed if it happened.</summary>
public sealed class AttackWorldTests
{
    [Fact]
    public void A_secret_in_clear_is_noticed()
    {
        var world = AttackWorld.WithHonestServer();
        var stranger = world.AddStranger();

        Assert.ThrowsAny<Exception>(() => stranger.Send(TransportAddress.Parse("203.0.113.99:1"), [1, 2, 3, .. AttackWorld.Secret]));
    }

    [Fact]
    public void A_datagram_to_a_third_address_is_noticed()
    {
        var world = AttackWorld.WithHonestServer();
        var stranger = world.AddStranger();

        stranger.Send(TransportAddress.Parse("203.0.113.99:1"), [1]);

        Assert.Equal(1, world.SentTo(stranger.Host.Name, "203.0.113.99"));
        Assert.ThrowsAny<Exception>(() => world.AssertSentOnlyTo(stranger.Host.Name));
    }

    [Fact]
    public void What_is_held_on_to_is_counted_however_deep_it_lies()
    {
        var nested = new Dictionary<int, object> { [1] = new List<object> { new Queue<byte[]>([new byte[10_000]]) } };

        Assert.InRange(ReachableMemory.Of(nested), 10_000, 12_000);
    }
}
