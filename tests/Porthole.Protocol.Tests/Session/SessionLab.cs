using Porthole.Protocol.Noise;
using Porthole.Protocol.Session;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Two sessions and the paths between them, in virtual time: alice began, bob answers.</summary>
internal sealed class SessionLab
{
    private readonly PriorityQueue<(LabEnd To, PathId Path, byte[] Packet), (long Ticks, long Order)> _onTheWay = new();
    private readonly List<LabPath> _paths = [];
    private readonly Random _random;
    private long _order;

    public SessionLab(int seed = 1, SessionOptions? options = null, SessionOptions? bobOptions = null, bool respond = true, bool knowsKey = true)
    {
        _random = new Random(seed);
        Entropy = new TestEntropy((ulong)seed);
        var alice = IdentityKey.Generate(Entropy);
        var bob = IdentityKey.Generate(Entropy);
        var id = SessionId.Create(Entropy);
        var initiator = SessionHandshake.Initiate(id, alice, knowsKey ? PeerPin.To(bob.PublicKey) : PeerPin.None, "bob", default, Entropy);
        FirstMessage = initiator.Outgoing;
        Alice = new LabEnd(PeerSession.Initiate(Now, options ?? SessionOptions.Default, Entropy, initiator));
        if (!respond) return;
        var verdict = SessionHandshake.TryRespond(id, bob, alice.PeerId, "bob", default, FirstMessage.Span, Entropy, out var responder);
        Assert.Equal(HandshakeVerdict.Accepted, verdict);
        Bob = new LabEnd(PeerSession.Respond(Now, bobOptions ?? options ?? SessionOptions.Default, Entropy, responder!));
    }

    public Instant Now { get; private set; } = Instant.FromMilliseconds(1_000);

    public EntropySource Entropy { get; }

    public ReadOnlyMemory<byte> FirstMessage { get; }

    public LabEnd Alice { get; }

    public LabEnd Bob { get; } = null!;

    public long Steps { get; private set; }

    /// <summary>Sees every packet as it is sent: from whom, on which path, its bytes without prefix. May answer false to drop it.</summary>
    public Func<LabEnd, LabPath, byte[], bool>? Watch { get; set; }

    /// <summary>A lab whose two ends have finished the handshake over the relay.</summary>
    public static SessionLab Connected(int seed = 1, SessionOptions? options = null)
    {
        var lab = new SessionLab(seed, options);
        lab.AddRelay();
        lab.RunUntil(() => lab.Alice.Session.State == SessionState.Confirmed && lab.Bob.Session.State == SessionState.Confirmed);
        return lab;
    }

    /// <summary>A lab whose two ends use a direct path, the relay beside it.</summary>
    public static SessionLab Direct(out LabPath direct, int seed = 1, SessionOptions? options = null, Action<LabLink>? link = null)
    {
        var lab = Connected(seed, options);
        direct = lab.AddUdp();
        if (link is not null) direct.Both(link);
        lab.MoveTo(direct);
        return lab;
    }

    public LabPath AddRelay()
    {
        var path = Add(PathTraits.Relay, new byte[9], trusted: true);
        path.Both(link => link.InOrder = true);
        return path;
    }

    public LabPath AddUdp() => Add(PathTraits.Udp, default, trusted: false);

    public LabPath Add(PathTraits traits, ReadOnlyMemory<byte> prefix, bool trusted)
    {
        var path = new LabPath(new SocketId(_paths.Count + 1), prefix.Length);
        _paths.Add(path);
        path.AtAlice = Alice.Session.AddPath(Now, path.Socket, default, traits, prefix, trusted);
        path.AtBob = Bob.Session.AddPath(Now, path.Socket, default, traits, prefix, trusted);
        return path;
    }

    /// <summary>Both ends prove the path and then use it.</summary>
    public void MoveTo(LabPath path)
    {
        Alice.Session.Validate(Now, path.AtAlice);
        Bob.Session.Validate(Now, path.AtBob);
        RunUntil(() => IsValidated(Alice, path.AtAlice) && IsValidated(Bob, path.AtBob));
        Alice.Session.SetActive(Now, path.AtAlice);
        Bob.Session.SetActive(Now, path.AtBob);
        Drain();
    }

    public static bool IsValidated(LabEnd end, PathId path) => end.Session.Paths.Single(status => status.Id == path).IsValidated;

    public static PathStatus Status(LabEnd end, PathId path) => end.Session.Paths.Single(status => status.Id == path);

    /// <summary>Bob reads whatever alice opens, and alice what bob opens.</summary>
    public void ReadEverything(int seed = 0)
    {
        foreach (var end in new[] { Alice, Bob })
        {
            end.React += taken =>
            {
                if (taken is SessionEvent.StreamOpened opened) end.Sinks.Add(new StreamSink(opened.Stream, seed));
            };
        }
    }

    /// <summary>What an owner does about a path that falls silent: copies on the first path (the relay), then a move to it.</summary>
    public void FollowPolicy(Func<LabPath>? current = null)
    {
        current ??= () => _paths[0];
        foreach (var end in new[] { Alice, Bob })
        {
            end.React += taken =>
            {
                var relay = end == Alice ? current().AtAlice : current().AtBob;
                if (taken is SessionEvent.PathSuspect suspect && suspect.Path != relay) end.Session.Duplicate(Now, relay);
                if (taken is SessionEvent.PathDead dead && dead.Path != relay) end.Session.SetActive(Now, relay);
                if (taken is SessionEvent.PathRecovered) end.Session.Duplicate(Now, null);
            };
        }
    }

    public void RunUntil(Func<bool> condition, double limitMilliseconds = 60_000)
    {
        var limit = Now + TimeSpan.FromMilliseconds(limitMilliseconds);
        Drain();
        while (!condition())
        {
            if (!Step(limit)) Assert.Fail($"Not within {limitMilliseconds} ms; now {Now}.");
        }
    }

    public void RunFor(double milliseconds)
    {
        var limit = Now + TimeSpan.FromMilliseconds(milliseconds);
        Drain();
        while (Step(limit))
        {
        }

        Now = limit;
        Drain();
    }

    /// <summary>Delivers a packet of the test's own making.</summary>
    public bool Inject(LabEnd to, PathId path, byte[] packet)
    {
        bool taken = to.Session.HandlePacket(Now, path, packet);
        Drain();
        return taken;
    }

    /// <summary>Lets both ends send and report until they have nothing more to do at this moment.</summary>
    public void Drain()
    {
        bool any = true;
        for (int round = 0; any; round++)
        {
            Assert.True(round < 10_000, "The sessions never come to rest.");
            any = Drain(Alice);
            if (Bob is not null) any |= Drain(Bob);
        }
    }

    private bool Drain(LabEnd end)
    {
        bool any = false;
        while (true)
        {
            end.TakeEvents(Now);
            var writer = new DatagramBatchWriter(end.Memory);
            if (!end.Session.TryWrite(Now, ref writer)) return any;
            any = true;
            Assert.True(writer.Count > 0, "An empty batch was written.");
            for (int i = 0; i < writer.Count; i++) Send(end, writer.Socket, writer.Segment(i).ToArray());
        }
    }

    private void Send(LabEnd from, SocketId socket, byte[] datagram)
    {
        var path = _paths[socket.Value - 1];
        bool toBob = from == Alice;
        var link = toBob ? path.ToBob : path.ToAlice;
        byte[] packet = datagram[path.PrefixLength..];
        if (Watch?.Invoke(from, path, packet) == false) return;
        if (link.Send(Now, datagram.Length, _random) is not { } arrival) return;
        _onTheWay.Enqueue((toBob ? Bob : Alice, toBob ? path.AtBob : path.AtAlice, packet), (arrival.Ticks, _order++));
    }

    private bool Step(Instant limit)
    {
        Steps++;
        var next = _onTheWay.TryPeek(out _, out var first) ? new Instant(first.Ticks) : Instant.Never;
        next = Instant.Min(next, Alice.Session.NextDeadline ?? Instant.Never);
        next = Instant.Min(next, Bob?.Session.NextDeadline ?? Instant.Never);
        if (next > limit) return false;
        if (next > Now) (Now, _idleSteps) = (next, 0);
        else Assert.True(++_idleSteps < 100_000, $"Time stands still at {Now}.");
        while (_onTheWay.TryPeek(out var item, out first) && first.Ticks <= Now.Ticks)
        {
            _onTheWay.Dequeue();
            item.To.Session.HandlePacket(Now, item.Path, item.Packet);
        }

        Alice.Session.HandleDeadline(Now);
        Bob?.Session.HandleDeadline(Now);
        Drain();
        return true;
    }

    private int _idleSteps;
}
