using Porthole.Protocol.Punching;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Punching;

/// <summary>Two bare TCP punchers that may share several connections agree on exactly one, or none.</summary>
public sealed class TcpAgreementTests
{
    private static readonly byte[] s_cookie = "a cookie"u8.ToArray();

    [Fact]
    public void One_connection_is_agreed_on_with_two_messages_each()
    {
        var pair = new Pair(1);
        pair.Connect(1, acceptedByA: false, acceptedByB: false); // a simultaneous open
        pair.Run();
        Assert.Equal((new SocketId(1), new SocketId(1)), (pair.AgreedByA, pair.AgreedByB));
        Assert.Equal(4, pair.Messages);
    }

    [Fact]
    public void Both_take_the_same_of_several_in_whatever_order_they_come_up_and_break()
    {
        for (ulong seed = 1; seed <= 2_000; seed++)
        {
            var pair = new Pair(seed);
            int count = pair.Chance.NextInt32(1, 6);
            for (int id = 1; id <= count; id++)
            {
                int kind = pair.Chance.NextInt32(0, 3);
                pair.Connect(id, kind == 1, kind == 2);
                if (id > 1 && pair.Chance.NextInt32(0, 4) == 0) pair.Break(pair.Chance.NextInt32(1, id));
                for (int steps = pair.Chance.NextInt32(0, 4); steps > 0; steps--) pair.Step();
            }

            pair.Run();
            Assert.True(pair.AgreedByA == pair.AgreedByB || pair.IsBroken(pair.AgreedByA ?? pair.AgreedByB), $"seed {seed}: {pair.AgreedByA} and {pair.AgreedByB}");
            Assert.True(pair.AgreedByA is not null || pair.AllBroken, $"seed {seed}: none");
        }
    }

    [Fact]
    public void A_stranger_gets_nothing_and_is_let_go()
    {
        var agreement = new TcpAgreement(s_cookie, new TestEntropy(1));
        byte[] message = new byte[TcpAgreement.MessageSize];
        agreement.Add(Instant.Zero, new SocketId(-1), isAccepted: true);
        agreement.Add(Instant.Zero, new SocketId(-2), isAccepted: true);
        agreement.HandleMessage(Instant.Zero, new SocketId(-1), new byte[TcpAgreement.MessageSize]);
        Assert.False(agreement.TryWrite(out _, message));
        Assert.Equal(new TcpAgreementEvent.Dropped(new SocketId(-1)), Take(agreement));
        Assert.Equal(Instant.Zero + TcpAgreement.Patience, agreement.NextDeadline);
        agreement.HandleDeadline(Instant.Zero + TcpAgreement.Patience);
        Assert.Equal(new TcpAgreementEvent.Dropped(new SocketId(-2)), Take(agreement));
        Assert.False(agreement.TryWrite(out _, message));
        Assert.Null(agreement.NextDeadline);
        Assert.False(agreement.HasMet);
    }

    [Fact]
    public void Its_own_words_come_back_are_not_the_peer()
    {
        var agreement = new TcpAgreement(s_cookie, new TestEntropy(1));
        byte[] message = new byte[TcpAgreement.MessageSize];
        agreement.Add(Instant.Zero, new SocketId(1), isAccepted: false);
        Assert.True(agreement.TryWrite(out var on, message));
        agreement.HandleMessage(Instant.Zero, on, message);
        Assert.Equal(new TcpAgreementEvent.Dropped(new SocketId(1)), Take(agreement));
    }

    [Fact]
    public void No_more_connections_than_the_limit_are_kept()
    {
        var agreement = new TcpAgreement(s_cookie, new TestEntropy(1));
        for (int i = 1; i <= TcpAgreement.MaxConnections; i++) agreement.Add(Instant.Zero, new SocketId(-i), isAccepted: true);
        Assert.False(agreement.TryTakeEvent(out _));
        agreement.Add(Instant.Zero, new SocketId(-999), isAccepted: true);
        Assert.Equal(new TcpAgreementEvent.Dropped(new SocketId(-999)), Take(agreement));
    }

    private static TcpAgreementEvent? Take(TcpAgreement agreement) => agreement.TryTakeEvent(out var happened) ? happened : null;

    /// <summary>Two sides and the connections between them, each with its own queue in each direction.</summary>
    private sealed class Pair(ulong seed)
    {
        private readonly TcpAgreement _a = new(s_cookie, new TestEntropy(seed * 2)), _b = new(s_cookie, new TestEntropy((seed * 2) + 1));
        private readonly Dictionary<(bool ToA, SocketId Id), Queue<byte[]>> _under = [];
        private readonly HashSet<SocketId> _all = [], _broken = [], _closed = [];

        public TestEntropy Chance { get; } = new(seed);

        public SocketId? AgreedByA { get; private set; }

        public SocketId? AgreedByB { get; private set; }

        public int Messages { get; private set; }

        public bool AllBroken => _broken.Count == _all.Count;

        public bool IsBroken(SocketId? id) => id is { } one && _broken.Contains(one);

        public void Connect(int id, bool acceptedByA, bool acceptedByB)
        {
            var socket = new SocketId(id);
            _all.Add(socket);
            _a.Add(Instant.Zero, socket, acceptedByA);
            Drain(_a, isA: true);
            _b.Add(Instant.Zero, socket, acceptedByB);
            Drain(_b, isA: false);
        }

        public void Break(int id)
        {
            var socket = new SocketId(id);
            if (!_broken.Add(socket)) return;
            _under.Remove((true, socket));
            _under.Remove((false, socket));
            _a.HandleClosed(socket);
            Drain(_a, isA: true);
            _b.HandleClosed(socket);
            Drain(_b, isA: false);
        }

        public void Run()
        {
            while (Step())
            {
            }
        }

        /// <summary>Delivers one message, or the end of a connection that the other side has closed.</summary>
        public bool Step()
        {
            var waiting = _under.Where(static one => one.Value.Count > 0).Select(static one => one.Key).Order(Comparer<(bool, SocketId)>.Create(static (x, y) => (x.Item1, x.Item2.Value).CompareTo((y.Item1, y.Item2.Value)))).ToArray();
            if (waiting.Length == 0)
            {
                if (_closed.Count == 0) return false;
                var closed = _closed.First();
                _closed.Remove(closed);
                _broken.Add(closed);
                _a.HandleClosed(closed);
                Drain(_a, isA: true);
                _b.HandleClosed(closed);
                Drain(_b, isA: false);
                return true;
            }

            var (toA, id) = waiting[Chance.NextInt32(0, waiting.Length)];
            var to = toA ? _a : _b;
            to.HandleMessage(Instant.Zero, id, _under[(toA, id)].Dequeue());
            Drain(to, toA);
            return true;
        }

        private void Drain(TcpAgreement agreement, bool isA)
        {
            byte[] message = new byte[TcpAgreement.MessageSize];
            while (agreement.TryWrite(out var id, message))
            {
                Messages++;
                if (_broken.Contains(id)) continue;
                if (!_under.TryGetValue((!isA, id), out var queue)) _under[(!isA, id)] = queue = [];
                queue.Enqueue([.. message]);
            }

            while (agreement.TryTakeEvent(out var happened))
            {
                if (happened is TcpAgreementEvent.Dropped dropped) _closed.Add(dropped.Connection);
                else if (isA) AgreedByA = ((TcpAgreementEvent.Agreed)happened).Connection;
                else AgreedByB = ((TcpAgreementEvent.Agreed)happened).Connection;
            }
        }
    }
}
