using Porthole.Protocol.Punching;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Punching;

/// <summary>A puncher alone, in virtual time: what it asks for is recorded, what becomes of it the test says.</summary>
internal sealed class PuncherBench
{
    private int _sockets = 100;

    public PuncherBench(ulong seed = 1, TcpPunchOptions? options = null, SprayBudget? budget = null)
    {
        Budget = budget ?? new SprayBudget();
        Puncher = new TcpPuncher(options ?? TcpPunchOptions.Default, new TestEntropy(seed), () => new SocketId(++_sockets), Budget);
    }

    public static SocketId Listener { get; } = new(1);

    public static TransportAddress Local { get; } = TransportAddress.Parse("192.168.1.10:8900");

    public static TransportAddress Remote { get; } = TransportAddress.Parse("203.0.113.2:40000");

    public TcpPuncher Puncher { get; }

    public SprayBudget Budget { get; }

    public Instant Now { get; private set; } = Instant.FromMilliseconds(1_000);

    public Instant StartedAt { get; private set; }

    /// <summary>All connects that were asked for, with the moment.</summary>
    public List<(Instant At, SocketRequest.TcpConnect Connect)> Connects { get; } = [];

    public List<(Instant At, SocketId Socket)> Closes { get; } = [];

    public List<(Instant At, SocketId Socket)> Failures { get; } = [];

    /// <summary>How many sockets there were at most.</summary>
    public int MostOpen { get; private set; }

    public List<(Instant At, TcpPunchEvent Event)> Events { get; } = [];

    /// <summary>Sockets that are being opened, or are open, and when they were asked for.</summary>
    public Dictionary<SocketId, (Instant At, SocketRequest.TcpConnect Connect)> Open { get; } = [];

    /// <summary>The network: what becomes of a connect, and after how long; null is silence.</summary>
    public Func<SocketRequest.TcpConnect, (TimeSpan After, SocketFailure? Failure)?> Answer { get; set; } = static _ => null;

    private readonly PriorityQueue<SocketEvent, (long At, int Order)> _answers = new();
    private int _order;

    public static PuncherBench Started(TcpCandidateType type = TcpCandidateType.SimultaneousOpen, ulong seed = 1)
    {
        var bench = new PuncherBench(seed);
        bench.Puncher.AddLocal(bench.Now, Listener, Local);
        bench.Puncher.AddRemote(bench.Now, Remote, type);
        return bench;
    }

    public PuncherBench Start()
    {
        StartedAt = Now;
        Do(() => Puncher.Start(Now));
        return this;
    }

    public TimeSpan Since(Instant at) => at - StartedAt;

    public IEnumerable<T> All<T>() where T : TcpPunchEvent => Events.Select(entry => entry.Event).OfType<T>();

    public void Do(Action input)
    {
        input();
        Drain();
    }

    public void Tell(SocketEvent socketEvent, bool expected = true)
    {
        if (socketEvent is SocketEvent.Failed failed && Open.Remove(failed.Socket)) Failures.Add((Now, failed.Socket));
        Assert.Equal(expected, Puncher.HandleSocketEvent(Now, socketEvent));
        Drain();
    }

    public void Fail(SocketId socket, SocketFailure reason) => Tell(new SocketEvent.Failed(socket, reason, string.Empty));

    public void Connect(SocketId socket) => Tell(new SocketEvent.Opened(socket, Open[socket].Connect.Local, Open[socket].Connect.Remote));

    public void RunFor(TimeSpan duration)
    {
        var end = Now + duration;
        while (true)
        {
            var next = _answers.TryPeek(out _, out var at) ? new Instant(at.At) : Instant.Never;
            bool isDeadline = Puncher.NextDeadline is { } deadline && deadline < next;
            if (isDeadline) next = Puncher.NextDeadline!.Value;
            if (next > end) break;
            Now = next;
            if (isDeadline)
            {
                Do(() => Puncher.HandleDeadline(Now));
                continue;
            }

            var answer = _answers.Dequeue();
            var socket = answer is SocketEvent.Failed failed ? failed.Socket : ((SocketEvent.Opened)answer).Socket;
            if (Open.ContainsKey(socket)) Tell(answer);
        }

        Now = end;
    }

    private void Drain()
    {
        while (Puncher.TryTakeRequest(out var request))
        {
            if (request is SocketRequest.Close close)
            {
                Assert.True(close.Abortive);
                Assert.True(Open.Remove(close.Socket), "closed once, and only what is open");
                Closes.Add((Now, close.Socket));
                continue;
            }

            var connect = Assert.IsType<SocketRequest.TcpConnect>(request);
            Connects.Add((Now, connect));
            Open.Add(connect.Socket, (Now, connect));
            MostOpen = Math.Max(MostOpen, Open.Count);
            if (Answer(connect) is not { } answer) continue;
            SocketEvent socketEvent = answer.Failure is { } failure
                ? new SocketEvent.Failed(connect.Socket, failure, string.Empty)
                : new SocketEvent.Opened(connect.Socket, connect.Local, connect.Remote);
            _answers.Enqueue(socketEvent, ((Now + answer.After).Ticks, _order++));
        }

        while (Puncher.TryTakeEvent(out var punchEvent)) Events.Add((Now, punchEvent));
        if (Puncher.NextDeadline is { } next) Assert.True(next > Now, $"it would spin: {next} at {Now}");
    }
}
