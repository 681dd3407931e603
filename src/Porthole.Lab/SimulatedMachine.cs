using System.Collections.Immutable;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>
/// The driver of one machine in the simulation: it feeds inputs, drains outputs and wakes the machine at its deadlines. Processing takes no time.
/// </summary>
public sealed partial class SimulatedMachine : ISimulationTarget
{
    /// <summary>A machine that asks to be woken this often without time passing will do so for ever.</summary>
    private const int MaxIdleWakes = 10_000;

    private readonly IProtocolMachine _machine;
    private readonly ISocketUser? _socketUser;
    private readonly Action<Instant>? _drained;
    private readonly Dictionary<SocketId, SimulatedSocket> _sockets = [];
    private Instant _wakeAt = Instant.Never;
    private Instant _lastWake = Instant.Never;
    private int _idleWakes;

    internal SimulatedMachine(SimulatedHost host, IProtocolMachine machine, Action<Instant>? drained)
    {
        Host = host;
        _machine = machine;
        _socketUser = machine as ISocketUser;
        _drained = drained;
    }

    /// <summary>The host it runs on.</summary>
    public SimulatedHost Host { get; }

    /// <summary>Whether it still runs.</summary>
    public bool IsRunning { get; private set; } = true;

    private Simulation Simulation => Host.Simulation;

    /// <summary>Binds a UDP socket for a machine that does not ask for its own.</summary>
    /// <param name="socket">The number by which the machine knows it.</param>
    /// <param name="local">The address to bind; port 0 draws one.</param>
    /// <param name="timeToLive">The time to live of what it sends; null is the system's default.</param>
    /// <returns>The address it is bound to.</returns>
    /// <exception cref="InvalidOperationException">The address is taken, or not this host's.</exception>
    public TransportAddress Bind(SocketId socket, TransportAddress local, int? timeToLive = null)
    {
        if (!Host.TryBind(this, new SocketRequest.UdpBind(socket, local, timeToLive), out var bound, out var failure))
        {
            throw new InvalidOperationException($"{local} cannot be bound on {Host.Name}: {failure}.");
        }

        _sockets.Add(socket, bound);
        return bound.Local;
    }

    /// <summary>Gives the machine a command at the present time, and drains it.</summary>
    public void Invoke(Action<Instant> command)
    {
        ArgumentNullException.ThrowIfNull(command);
        command(Simulation.Now);
        Drain();
    }

    /// <summary>Ends the machine, as ending its process does: its sockets close, and those it is connected to are told.</summary>
    public void Stop() => Stop(silently: false);

    /// <summary>Takes what the machine has put out: for machines that were given a command without <see cref="Invoke"/>.</summary>
    public void Drain()
    {
        if (!IsRunning) return;
        DrainOnce();
        if (_drained is not null)
        {
            _drained(Simulation.Now);
            DrainOnce();
        }

        ScheduleWake();
    }

    void ISimulationTarget.Happen(Instant now, SimulatedPacket? packet)
    {
        if (now != _wakeAt || !IsRunning) return;
        _wakeAt = Instant.Never;
        if (_machine.NextDeadline is not { } due || due > now)
        {
            ScheduleWake();
            return;
        }

        _idleWakes = _lastWake == now ? _idleWakes + 1 : 0;
        _lastWake = now;
        if (_idleWakes > MaxIdleWakes)
        {
            throw new InvalidOperationException($"{_machine.GetType().Name} on {Host.Name} asks for the deadline {due} again and again.");
        }

        _machine.HandleDeadline(now);
        Drain();
    }

    internal void Stop(bool silently)
    {
        if (!IsRunning) return;
        IsRunning = false;
        foreach (var socket in _sockets.Values) Host.Unbind(socket);
        _sockets.Clear();
        StopConnections(silently);
        StopStreams(silently);
        Host.Forget(this);
    }

    internal void Receive(Instant now, SocketId socket, TransportAddress remote, Span<byte> bytes)
    {
        if (!IsRunning) return;
        var datagram = new ReceivedDatagram(socket, remote, 0, bytes.Length);
        _machine.HandleDatagrams(now, new DatagramBatch(bytes, new ReadOnlySpan<ReceivedDatagram>(in datagram)));
        Drain();
    }

    internal void HandleAddresses(ImmutableArray<TransportAddress> before, ImmutableArray<TransportAddress> after)
    {
        foreach (var socket in _sockets.Values.Where(socket => !socket.Local.IsUnspecified && !after.Contains(socket.Local.Host)).ToArray())
        {
            Release(socket);
            Post(new SocketEvent.Failed(socket.Id, SocketFailure.AddressGone, "the address is gone"));
        }

        AbandonConnections(after);
        AbandonStreams();
        if (!before.SequenceEqual(after)) Post(new SocketEvent.NetworkChanged(after) { Gateways = Host.Gateways });
    }

    /// <summary>Hands the machine an event in its turn, at the present time.</summary>
    internal void Post(SocketEvent socketEvent)
    {
        if (_socketUser is not null) Simulation.Schedule(Simulation.Now, () => Handle(socketEvent));
    }

    private void Handle(SocketEvent socketEvent)
    {
        if (!IsRunning || _socketUser is null) return;
        _socketUser.HandleSocketEvent(Simulation.Now, socketEvent);
        Drain();
    }

    private void DrainOnce()
    {
        while (IsRunning)
        {
            var writer = new DatagramBatchWriter(Lab.Simulation.Scratch);
            if (!_machine.TryWrite(Simulation.Now, ref writer)) break;
            if (writer.Count == 0) continue;
            if (_sockets.TryGetValue(writer.Socket, out var socket))
            {
                for (int i = 0; i < writer.Count; i++) Host.Send(socket, writer.Remote, writer.Segment(i), writer.HopLimit);
            }
            else if (_connections is not null && _connections.TryGetValue(writer.Socket, out var connection))
            {
                for (int i = 0; i < writer.Count; i++) connection.Send(writer.Segment(i));
            }
            else if (_streams.TryGetValue(writer.Socket, out var stream))
            {
                for (int i = 0; i < writer.Count; i++) stream.Send(writer.Segment(i));
            }
        }

        // Sockets close behind the last word that was said on them.
        while (_socketUser is not null && _socketUser.TryTakeSocketRequest(out var request)) Handle(request);
    }

    private void Handle(SocketRequest request)
    {
        switch (request)
        {
            case SocketRequest.UdpBind bind:
                if (Host.TryBind(this, bind, out var bound, out var failure))
                {
                    _sockets[bind.Socket] = bound;
                    Post(new SocketEvent.Opened(bind.Socket, bound.Local, default));
                }
                else
                {
                    Post(new SocketEvent.Failed(bind.Socket, failure, $"{bind.Local}: {failure}"));
                }

                break;
            case SocketRequest.ServerConnect connect:
                Connect(connect);
                break;
            case SocketRequest.TcpListen listen:
                Listen(listen);
                break;
            case SocketRequest.TcpConnect connect:
                Connect(connect);
                break;
            case SocketRequest.HttpAsk ask:
                Post(new SocketEvent.Failed(ask.Socket, SocketFailure.Refused, "the simulation has no HTTP"));
                break;
            case SocketRequest.Close close:
                if (_sockets.TryGetValue(close.Socket, out var socket)) Release(socket);
                else if (!TryCloseStream(close.Socket, close.Abortive)) CloseConnection(close.Socket);
                break;
            default:
                throw new NotSupportedException($"The simulation has no {request.GetType().Name}.");
        }
    }

    private void Release(SimulatedSocket socket)
    {
        Host.Unbind(socket);
        _sockets.Remove(socket.Id);
    }

    private void ScheduleWake()
    {
        if (!IsRunning || _machine.NextDeadline is not { } due) return;
        due = Instant.Max(due, Simulation.Now);
        if (due >= _wakeAt) return;
        _wakeAt = due;
        Simulation.Schedule(due, this);
    }
}
