using System.Buffers.Binary;
using Porthole.Lab;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab.Nat;

/// <summary>
/// The plainest puncher: it sends a request to every address it knows every 20 ms, answers every request, learns every address that a request comes
/// from, and has succeeded when an answer comes from where the request went.
/// </summary>
internal sealed class PlainPuncher : IProtocolMachine
{
    public static readonly SocketId Socket = new(1);

    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(20);

    private readonly List<TransportAddress> _known = [];
    private readonly Queue<(TransportAddress Remote, bool IsAnswer, int Asked)> _outgoing = [];

    public Instant? NextDeadline { get; private set; }

    public Instant? SucceededAt { get; private set; }

    public void Start(Instant now, TransportAddress remote)
    {
        Learn(remote);
        NextDeadline = now;
    }

    public void Greet(TransportAddress server) => _outgoing.Enqueue((server, false, 0));

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams)
        {
            var bytes = batch.Bytes(datagram);
            int asked = BinaryPrimitives.ReadInt32BigEndian(bytes[1..]);
            if (bytes[0] == 1)
            {
                if (asked < _known.Count && _known[asked] == datagram.Remote) SucceededAt ??= now;
                continue;
            }

            Learn(datagram.Remote);
            _outgoing.Enqueue((datagram.Remote, true, asked));
        }
    }

    public void HandleDeadline(Instant now)
    {
        if (NextDeadline > now) return;
        for (int i = 0; i < _known.Count; i++) _outgoing.Enqueue((_known[i], false, i));
        NextDeadline = now + s_interval;
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_outgoing.TryDequeue(out var next)) return false;
        writer.Begin(Socket, next.Remote);
        writer.TryReserve(5, out var segment);
        segment[0] = next.IsAnswer ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteInt32BigEndian(segment[1..], next.Asked);
        writer.Commit(5);
        return true;
    }

    private void Learn(TransportAddress remote)
    {
        if (!_known.Contains(remote)) _known.Add(remote);
    }
}

/// <summary>Two plain punchers behind two NATs, and a server that tells them each other's address.</summary>
internal sealed class PlainPunch
{
    public PlainPunch(ulong seed, NatProfile first, NatProfile second, LinkOptions link)
    {
        Lab = new Simulation(seed);
        var server = new ScriptedHost(Lab.Internet.AddHost("server", "198.51.100.1"), 3478);
        NatProfile[] profiles = [first, second];
        for (int i = 0; i < 2; i++)
        {
            var nat = Lab.Internet.AddNat($"nat{i}", profiles[i], $"203.0.113.{i + 1}");
            var running = nat.Inside.AddHost($"host{i}", "192.168.1.10").Run(Punchers[i]);
            running.Bind(PlainPuncher.Socket, TransportAddress.Parse("192.168.1.10:5000"));
            Punchers[i].Greet(server.Local);
            running.Drain();
            nat.Link.Up = nat.Link.Down = link with { Loss = 0 };
            Running[i] = running;
        }

        while (server.Received.Count < 2) Lab.RunFor(TimeSpan.FromMilliseconds(10));
        foreach (var running in Running) running.Host.Network.Gateway!.Link.Up = running.Host.Network.Gateway.Link.Down = link;
        for (int i = 0; i < 2; i++)
        {
            var other = server.Received.Single(arrival => arrival.Remote.SameHost(TransportAddress.Parse($"203.0.113.{2 - i}:0"))).Remote;
            int side = i;
            Starts[i] = TimeSpan.FromMilliseconds(Lab.CreateEntropy().NextDouble(0, 60));
            Lab.Schedule(Lab.Now + Starts[i], () => Running[side].Invoke(now => Punchers[side].Start(now, other)));
        }
    }

    public Simulation Lab { get; }

    public PlainPuncher[] Punchers { get; } = [new(), new()];

    public SimulatedMachine[] Running { get; } = new SimulatedMachine[2];

    /// <summary>When each side began, from one moment on.</summary>
    public TimeSpan[] Starts { get; } = new TimeSpan[2];

    public bool Run(TimeSpan limit) => Lab.RunUntil(() => Punchers[0].SucceededAt is not null && Punchers[1].SucceededAt is not null, limit);

    public bool AnySuccess => Punchers[0].SucceededAt is not null || Punchers[1].SucceededAt is not null;
}
