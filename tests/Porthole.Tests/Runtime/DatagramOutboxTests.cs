using Porthole.Runtime;

namespace Porthole.Tests.Runtime;

public sealed class DatagramOutboxTests
{
    private readonly DatagramOutbox _outbox = new();

    [Fact]
    public void What_is_added_is_taken_in_order_however_the_ring_turns_and_grows()
    {
        int added = 0, taken = 0;
        var random = new Random(1);
        for (int round = 0; round < 2_000; round++)
        {
            for (int i = round == 1_000 ? 500 : random.Next(20); i > 0; i--) _outbox.Add(BitConverter.GetBytes(added++));
            for (int i = random.Next(40); i > 0 && _outbox.TryPeek(out var first); i--)
            {
                if (i % 4 == 0) _outbox.Add(BitConverter.GetBytes(added++)); // while the machine looks at the first
                Assert.Equal(taken++, BitConverter.ToInt32(first));
                _outbox.Take();
            }
        }

        for (; _outbox.TryPeek(out var first); _outbox.Take()) Assert.Equal(taken++, BitConverter.ToInt32(first));
        Assert.Equal(added, taken);
    }

    [Fact]
    public void The_machine_is_told_once_until_it_has_taken_everything()
    {
        Assert.True(_outbox.Add([1]));
        Assert.False(_outbox.Add([2]));
        Assert.True(_outbox.TryPeek(out _));
        _outbox.Take();
        Assert.False(_outbox.Add([3]));
        while (_outbox.TryPeek(out _)) _outbox.Take();
        Assert.True(_outbox.Add([4]));
        _outbox.Clear();
        Assert.False(_outbox.TryPeek(out _));
        Assert.True(_outbox.Add([5]));
    }

    [Fact]
    public void What_does_not_fit_is_lost()
    {
        for (int i = 0; i < DatagramOutbox.MaxCount + 5; i++) _outbox.Add(new byte[PeerConnection.MaxDatagram]);
        int count = 0;
        for (; _outbox.TryPeek(out var datagram); _outbox.Take(), count++) Assert.Equal(PeerConnection.MaxDatagram, datagram.Length);
        Assert.Equal(DatagramOutbox.MaxCount, count);
    }
}
