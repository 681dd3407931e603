using System.Diagnostics.CodeAnalysis;
using Porthole.Lab;
using Porthole.Protocol;

namespace Porthole.Scenarios.Lab;

/// <summary>A machine that does what a test tells it and remembers what happens to it.</summary>
internal sealed class ScriptedMachine : ISocketUser
{
    private readonly Queue<(SocketId Socket, TransportAddress Remote, byte[] Bytes)> _outgoing = [];
    private readonly Queue<SocketRequest> _requests = [];

    public sealed record Arrival(Instant At, SocketId Socket, TransportAddress Remote, byte[] Bytes);

    public List<Arrival> Received { get; } = [];

    public List<(Instant At, SocketEvent Event)> Events { get; } = [];

    public List<Instant> Deadlines { get; } = [];

    public Func<Arrival, byte[]?>? Answer { get; set; }

    public Instant? NextDeadline { get; set; }

    public void Send(SocketId socket, TransportAddress remote, params byte[] bytes) => _outgoing.Enqueue((socket, remote, bytes));

    public void Request(SocketRequest request) => _requests.Enqueue(request);

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams)
        {
            var arrival = new Arrival(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram).ToArray());
            Received.Add(arrival);
            if (Answer?.Invoke(arrival) is { } answer) Send(arrival.Socket, arrival.Remote, answer);
        }
    }

    public void HandleDeadline(Instant now)
    {
        if (NextDeadline > now) return;
        NextDeadline = null;
        Deadlines.Add(now);
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_outgoing.TryDequeue(out var next)) return false;
        writer.Begin(next.Socket, next.Remote);
        Assert.True(writer.TryReserve(next.Bytes.Length, out var segment));
        next.Bytes.CopyTo(segment);
        writer.Commit(next.Bytes.Length);
        return true;
    }

    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent) => Events.Add((now, socketEvent));
}

/// <summary>A scripted machine on a host, with one socket.</summary>
internal sealed class ScriptedHost
{
    public static readonly SocketId Socket = new(1);

    public ScriptedHost(SimulatedHost host, int port = 5000)
    {
        Host = host;
        Running = host.Run(Machine);
        Local = Running.Bind(Socket, host.Addresses[0].WithPort((ushort)port));
    }

    public SimulatedHost Host { get; }

    public ScriptedMachine Machine { get; } = new();

    public SimulatedMachine Running { get; }

    public TransportAddress Local { get; }

    public List<ScriptedMachine.Arrival> Received => Machine.Received;

    public void Send(TransportAddress remote, params byte[] bytes)
    {
        Machine.Send(Socket, remote, bytes);
        Running.Drain();
    }
}
