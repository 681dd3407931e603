using System.Diagnostics.CodeAnalysis;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>
/// A TCP punch with nothing but the rule: a listener, a connection to a server, and attempts at one address again and again, in a simulation.
/// </summary>
internal sealed class TcpPlainPunch
{
    private const ushort Port = 9000;

    private readonly Simulation _lab;
    private readonly Attempter _first;
    private readonly Attempter _second;

    /// <summary>Prepares a punch.</summary>
    /// <param name="first">One side's NAT.</param>
    /// <param name="second">The other side's NAT.</param>
    /// <param name="seed">Decides loss, jitter and pauses.</param>
    /// <param name="loss">The share of packets lost.</param>
    public TcpPlainPunch(TcpPunchSide first, TcpPunchSide second, ulong seed, double loss = 0)
    {
        _lab = new Simulation(seed);
        var link = new LinkOptions { Delay = TimeSpan.FromMilliseconds(10), Jitter = TimeSpan.FromMilliseconds(2), KeepOrder = true, Loss = loss };
        var server = new TcpHost(_lab.Internet.AddHost("server", "198.51.100.1", LinkOptions.WithDelay(10))).Listen();
        _first = Add("first", first, "203.0.113.1", "192.168.1.0/24", "192.168.1.10");
        _second = Add("second", second, "203.0.113.2", "10.0.0.0/8", "10.0.0.7");
        _lab.RunUntil(() => server.Accepted.Count() == 2, TimeSpan.FromMinutes(1));
        (_first.Mapped, _second.Mapped) = (MappedAt("203.0.113.1"), MappedAt("203.0.113.2"));

        Attempter Add(string name, TcpPunchSide side, string external, string inside, string address)
        {
            // The port after the one that the server saw is the one that can be guessed.
            var profile = side.ToProfile();
            if (side.Mapping != NatMapping.EndpointIndependent) profile = profile with { Allocation = new PortAllocation.Sequential() };
            var host = _lab.Internet.AddNat(name, profile, external, inside, link).Inside.AddHost(name, address);
            var machine = new Attempter(_lab.CreateEntropy(), server.Local);
            machine.Running = host.Run(machine);
            return machine;
        }

        TransportAddress MappedAt(string external) =>
            server.Accepted.Single(accepted => accepted.Remote.SameHost(TransportAddress.Parse($"{external}:0"))).Remote;
    }

    /// <summary>Punches until both sides have one connection.</summary>
    /// <param name="firstGuesses">Whether the first side connects to the port that the other will get, not to the one that the server saw.</param>
    /// <param name="secondGuesses">The same for the second side.</param>
    /// <param name="limit">How long.</param>
    public bool Run(bool firstGuesses, bool secondGuesses, TimeSpan limit)
    {
        _first.Start(_lab.Now, Target(_second, firstGuesses));
        _second.Start(_lab.Now + new TimeSpan((long)_lab.CreateEntropy().NextDouble(0, 300 * TimeSpan.TicksPerMillisecond)), Target(_first, secondGuesses));
        return _lab.RunUntil(() => _first.Open.Any(ours => _second.Open.Any(theirs => theirs.Nonce == ours.Nonce)), limit);

        static TransportAddress Target(Attempter other, bool guesses) => guesses ? other.Mapped.WithPort((ushort)(other.Mapped.Port + 1)) : other.Mapped;
    }

    /// <summary>
    /// One side. What is open carries a number from who sent the lower one: only where both agree on it is a connection one. What is open on one side alone is
    /// given up after a while.
    /// </summary>
    private sealed class Attempter(EntropySource chance, TransportAddress server) : ISocketUser
    {
        private static readonly SocketId s_listener = new(1), s_server = new(2);
        private static readonly TimeSpan s_attempt = TimeSpan.FromSeconds(3.5);

        private readonly Queue<SocketRequest> _requests = new(
        [
            new SocketRequest.TcpListen(s_listener, TransportAddress.Parse($"0.0.0.0:{Port}"), Shared: true),
            new SocketRequest.TcpConnect(s_server, TransportAddress.Parse($"0.0.0.0:{Port}"), server, default),
        ]);

        private readonly Queue<(SocketId Socket, ulong Nonce)> _outgoing = [];
        private readonly List<(SocketId Socket, ulong Own, Instant Since)> _open = [];
        private TransportAddress _target;
        private SocketId _attempt = new(10);
        private Instant _attemptEnds = Instant.Never;

        public SimulatedMachine Running { get; set; } = null!;

        public TransportAddress Mapped { get; set; }

        public List<(SocketId Socket, ulong Nonce)> Open { get; } = [];

        public Instant? NextDeadline => _open.Select(static item => item.Since + s_attempt).Append(_attemptEnds).Min();

        public void Start(Instant at, TransportAddress target)
        {
            _target = target;
            Running.Invoke(_ => Attempt(at));
        }

        public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
        {
            switch (socketEvent)
            {
                case SocketEvent.Opened opened when opened.Socket == _attempt:
                    Greet(now, opened.Socket);
                    _attemptEnds = Instant.Never;
                    break;
                case SocketEvent.Accepted accepted:
                    Greet(now, accepted.Socket);
                    break;
                case SocketEvent.Failed failed:
                    _open.RemoveAll(item => item.Socket == failed.Socket);
                    if (failed.Socket == _attempt) Retry(now);
                    break;
            }
        }

        public void HandleDatagrams(Instant now, in DatagramBatch batch)
        {
            foreach (var datagram in batch.Datagrams)
            {
                var socket = datagram.Socket;
                ulong theirs = BitConverter.ToUInt64(batch.Bytes(datagram));
                foreach (var (known, own, _) in _open)
                {
                    if (known == socket) Open.Add((socket, own ^ theirs));
                }
            }
        }

        public void HandleDeadline(Instant now)
        {
            foreach (var (socket, _, since) in _open.ToArray())
            {
                if (since + s_attempt > now) continue;
                _open.RemoveAll(item => item.Socket == socket);
                _requests.Enqueue(new SocketRequest.Close(socket, Abortive: true));
                if (socket == _attempt) Retry(now);
            }

            if (_attemptEnds > now) return;
            _requests.Enqueue(new SocketRequest.Close(_attempt, Abortive: true));
            Retry(now);
        }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
        {
            if (!_outgoing.TryDequeue(out var next)) return false;
            writer.Begin(next.Socket, default);
            writer.TryReserve(sizeof(ulong), out var segment);
            BitConverter.TryWriteBytes(segment, next.Nonce);
            writer.Commit(sizeof(ulong));
            return true;
        }

        public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

        private void Greet(Instant now, SocketId socket)
        {
            ulong nonce = chance.NextUInt64();
            _open.Add((socket, nonce, now));
            _outgoing.Enqueue((socket, nonce));
        }

        private void Retry(Instant now) => Attempt(now + new TimeSpan((long)chance.NextDouble(TimeSpan.TicksPerMillisecond, 8 * TimeSpan.TicksPerMillisecond)));

        private void Attempt(Instant at)
        {
            _attempt = new SocketId(_attempt.Value + 1);
            _attemptEnds = at + s_attempt;
            _requests.Enqueue(new SocketRequest.TcpConnect(_attempt, TransportAddress.Parse($"0.0.0.0:{Port}"), _target, at));
        }
    }
}
