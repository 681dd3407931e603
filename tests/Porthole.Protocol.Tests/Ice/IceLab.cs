using Porthole.Protocol.Ice;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Ice;

/// <summary>One packet on its way.</summary>
internal sealed record IcePacket(IceNode Sender, SocketId Socket, TransportAddress Source, TransportAddress Destination, byte[] Bytes, Instant SentAt);

/// <summary>An agent with its sockets, and all that it said.</summary>
internal sealed class IceNode(string name, IceAgent agent)
{
    public string Name { get; } = name;

    public IceAgent Agent { get; } = agent;

    public List<(Instant At, IceEvent Event)> Events { get; } = [];

    public Dictionary<SocketId, TransportAddress> Sockets { get; } = [];

    /// <summary>Accepted connections that are nobody's yet.</summary>
    public HashSet<SocketId> Unclaimed { get; } = [];

    public IEnumerable<T> All<T>() where T : IceEvent => Events.Select(entry => entry.Event).OfType<T>();

    public Instant? When<T>() where T : IceEvent => Events.Where(entry => entry.Event is T).Select(entry => (Instant?)entry.At).FirstOrDefault();

    public int Steps(CheckStep step) => All<IceEvent.CheckTraced>().Count(trace => trace.Step == step);
}

/// <summary>
/// Agents on a network without NATs, in virtual time. What a test needs of NATs it does with <see cref="Lost"/> and <see cref="Seen"/>.
/// </summary>
internal sealed class IceLab(ulong seed = 1)
{
    private readonly PriorityQueue<IcePacket, (long At, int Order)> _onTheWay = new();
    private readonly List<IceNode> _nodes = [];
    private readonly byte[] _memory = new byte[2_000];
    private int _order;

    public TestEntropy Entropy { get; } = new(seed);

    public Instant Now { get; private set; } = Instant.FromMilliseconds(1_000);

    public TimeSpan OneWay { get; set; } = TimeSpan.FromMilliseconds(20);

    public List<IcePacket> Packets { get; } = [];

    /// <summary>Says which packets never arrive.</summary>
    public Func<IcePacket, bool> Lost { get; set; } = static _ => false;

    /// <summary>Says how much longer than <see cref="OneWay"/> a packet takes.</summary>
    public Func<TimeSpan> Jitter { get; set; } = static () => TimeSpan.Zero;

    /// <summary>The address under which a packet's sender is seen.</summary>
    public Func<IcePacket, TransportAddress> Seen { get; set; } = static packet => packet.Source;

    /// <summary>Addresses that lead to a socket beside its own.</summary>
    public Dictionary<TransportAddress, (IceNode Node, SocketId Socket)> Routes { get; } = [];

    public static IceOptions Peers { get; } = IceOptions.ForPeers(TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10));

    public static TransportAddress A { get; } = TransportAddress.Parse("198.51.100.1:5000");

    public static TransportAddress B { get; } = TransportAddress.Parse("203.0.113.1:6000");

    public IceNode Add(string name, IceRole role, IceOptions options, params TransportAddress[] addresses)
    {
        var node = new IceNode(name, new IceAgent(options, role, IceCredentials.Create(Entropy), Entropy));
        foreach (var address in addresses)
        {
            var socket = new SocketId(node.Sockets.Count + 1);
            node.Sockets.Add(socket, address);
            Routes.Add(address, (node, socket));
            node.Agent.AddLocalCandidate(Now, Candidate.Host(socket, address));
        }

        _nodes.Add(node);
        return node;
    }

    /// <summary>Two agents with one address each, introduced and started now.</summary>
    public (IceNode A, IceNode B) StartTwo(IceOptions? options = null)
    {
        var a = Add("a", IceRole.Controlling, options ?? Peers, A);
        var b = Add("b", IceRole.Controlled, options ?? Peers, B);
        return Start(a, b);
    }

    /// <summary>The same, after something was done to the agents.</summary>
    public (IceNode A, IceNode B) StartTwoWith(Action<IceAgent> first, Action<IceAgent>? second = null)
    {
        var a = Add("a", IceRole.Controlling, Peers, A);
        var b = Add("b", IceRole.Controlled, Peers, B);
        first(a.Agent);
        second?.Invoke(b.Agent);
        return Start(a, b);
    }

    private (IceNode A, IceNode B) Start(IceNode a, IceNode b)
    {
        Introduce(a, b);
        Introduce(b, a);
        Start(a);
        Start(b);
        return (a, b);
    }

    /// <summary>Tells <paramref name="listener"/> all of the other.</summary>
    public void Introduce(IceNode listener, IceNode other)
    {
        listener.Agent.SetRemoteCredentials(Now, other.Agent.LocalCredentials);
        foreach (var candidate in other.Agent.LocalCandidates) listener.Agent.AddRemoteCandidate(Now, candidate);
        listener.Agent.EndOfRemoteCandidates(Now);
        Drain(listener);
    }

    public void Start(IceNode node)
    {
        node.Agent.Start(Now);
        Drain(node);
    }

    /// <summary>Makes a TCP connection between two nodes: both have connected, or the second has accepted.</summary>
    public (SocketId OfOne, SocketId OfOther) Connect(IceNode one, IceNode other, bool isAccepted = false, ushort port = 8_900)
    {
        var (local, remote) = (one.Sockets[new SocketId(1)].WithPort(port), other.Sockets[new SocketId(1)].WithPort(port));
        var (socket, otherSocket) = (new SocketId(port), new SocketId(port));
        one.Sockets.Add(socket, local);
        other.Sockets.Add(otherSocket, remote);
        Routes.Add(local, (one, socket));
        Routes.Add(remote, (other, otherSocket));
        if (isAccepted) other.Unclaimed.Add(otherSocket);
        else Assert.True(other.Agent.AddConnection(Now, otherSocket, remote, local));
        Assert.True(one.Agent.AddConnection(Now, socket, local, remote));
        Drain(other);
        Drain(one);
        return (socket, otherSocket);
    }

    /// <summary>Runs until a condition holds.</summary>
    /// <returns>How long it took; null when it did not come in time.</returns>
    public TimeSpan? RunUntil(Func<bool> condition, TimeSpan limit)
    {
        var start = Now;
        while (!condition())
        {
            if (!Step(start + limit)) return null;
        }

        return Now - start;
    }

    public void RunFor(TimeSpan duration)
    {
        var end = Now + duration;
        while (Step(end))
        {
        }

        Now = end;
    }

    /// <summary>Puts a packet on the way as if it came from somewhere.</summary>
    public void Inject(IceNode receiver, TransportAddress source, ReadOnlySpan<byte> bytes, SocketId socket = default)
    {
        receiver.Agent.HandleDatagram(Now, socket == default ? new SocketId(1) : socket, source, bytes);
        Drain(receiver);
    }

    /// <summary>Sends what a node's owner, rather than its agent, sends.</summary>
    public void Send(IceNode node, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> bytes)
    {
        var packet = new IcePacket(node, socket, node.Sockets.GetValueOrDefault(socket), remote, bytes.ToArray(), Now);
        Packets.Add(packet);
        if (!Lost(packet)) _onTheWay.Enqueue(packet, ((Now + OneWay + Jitter()).Ticks, _order++));
    }

    public void Drain(IceNode node)
    {
        while (true)
        {
            var writer = new DatagramBatchWriter(_memory);
            if (!node.Agent.TryWrite(Now, ref writer)) break;
            Assert.Equal(1, writer.Count);
            Send(node, writer.Socket, writer.Remote, writer.Written);
        }

        while (node.Agent.TryTakeEvent(out var iceEvent)) node.Events.Add((Now, iceEvent));
        if (node.Agent.NextDeadline is { } next) Assert.True(next > Now, $"{node.Name} would spin: {next} at {Now}");
    }

    private bool Step(Instant limit)
    {
        var next = _onTheWay.TryPeek(out _, out var at) ? new Instant(at.At) : Instant.Never;
        IceNode? due = null;
        foreach (var node in _nodes)
        {
            if (node.Agent.NextDeadline is not { } deadline || deadline >= next) continue;
            (next, due) = (deadline, node);
        }

        if (next > limit) return false;
        Now = next;
        if (due is not null)
        {
            due.Agent.HandleDeadline(Now);
            Drain(due);
            return true;
        }

        var packet = _onTheWay.Dequeue();
        if (!Routes.TryGetValue(packet.Destination, out var receiver)) return true;
        Deliver(receiver.Node, receiver.Socket, packet);
        Drain(receiver.Node);
        return true;
    }

    private void Deliver(IceNode node, SocketId socket, IcePacket packet)
    {
        if (!node.Unclaimed.Contains(socket)) node.Agent.HandleDatagram(Now, socket, Seen(packet), packet.Bytes);
        else if (node.Agent.TryAccept(Now, socket, node.Sockets[socket], Seen(packet), packet.Bytes)) node.Unclaimed.Remove(socket);
    }
}
