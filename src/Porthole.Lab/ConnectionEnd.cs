using System.Buffers;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>One end of a main connection: an ordered link of messages that loses nothing, but may stall, fill up, and break.</summary>
internal sealed class ConnectionEnd(SimulatedMachine machine, SocketId id, TransportAddress local)
{
    /// <summary>How much may be unsent before the writer is told (as the real driver does), and how much is left when it may go on.</summary>
    internal const int CongestedAt = 64 * 1024, WritableAt = 32 * 1024;

    /// <summary>A stalled connection is tried again like TCP's retransmission: after 200 ms, then twice as long each time, up to a minute.</summary>
    private static readonly TimeSpan s_firstRetry = TimeSpan.FromMilliseconds(200), s_lastRetry = TimeSpan.FromMinutes(1);

    /// <summary>When the side that was left without a word gives up.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromMinutes(1);

    private readonly Queue<(byte[] Buffer, int Length)> _stalled = [];
    private ConnectionEnd? _peer;
    private MainConnectionPath? _path;
    private Instant _lastArrival;
    private TimeSpan _retry = s_firstRetry;
    private bool _congested;
    private int _unsent;

    public SimulatedMachine Machine { get; } = machine;

    public SocketId Id { get; } = id;

    public TransportAddress Local { get; } = local;

    public bool IsOpen { get; set; } = true;

    private Simulation Simulation => Machine.Host.Simulation;

    public void Join(ConnectionEnd peer, MainConnectionPath path) => (_peer, _path) = (peer, path);

    /// <summary>Sends one message.</summary>
    public void Send(ReadOnlySpan<byte> message)
    {
        if (!IsOpen || _path is null) return;
        Machine.Host.Traffic.CountMessage(message.Length);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(message.Length);
        message.CopyTo(buffer);
        CountUnsent(message.Length);
        if (_stalled.Count > 0 || !_path.IsUp) Stall(buffer, message.Length);
        else Transmit(buffer, message.Length);
    }

    /// <summary>Ends the connection from this side.</summary>
    /// <param name="silently">Whether the other side hears nothing, and gives up by itself.</param>
    public void Close(bool silently)
    {
        if (!IsOpen) return;
        IsOpen = false;
        if (_peer is not { } peer) return;
        bool told = !silently && _path!.IsUp;
        var at = told ? Instant.Max(_lastArrival, Simulation.Now + _path!.Delay) : Simulation.Now + s_silence;
        var reason = told ? SocketFailure.Closed : SocketFailure.TimedOut;
        Simulation.Schedule(at, () => peer.Machine.Lose(peer, reason, told ? "the other side closed it" : "no answer"));
    }

    private void Transmit(byte[] buffer, int length)
    {
        var now = Simulation.Now;
        var arrival = _path!.Cross(Simulation.Chance, now, length);
        var sent = arrival - _path.Delay;
        if (sent > now) Simulation.Schedule(sent, () => CountUnsent(-length));
        else CountUnsent(-length);
        var peer = _peer!;
        _lastArrival = Instant.Max(arrival + peer.Machine.Host.MainConnectionLag, _lastArrival);
        Simulation.Schedule(_lastArrival, () => peer.Arrive(buffer, length));
    }

    private void Stall(byte[] buffer, int length)
    {
        if (_stalled.Count == 0) Simulation.Schedule(Simulation.Now + _retry, Retry);
        _stalled.Enqueue((buffer, length));
    }

    private void Retry()
    {
        if (!IsOpen) return;
        if (!_path!.IsUp)
        {
            _retry = _retry * 2 < s_lastRetry ? _retry * 2 : s_lastRetry;
            Simulation.Schedule(Simulation.Now + _retry, Retry);
            return;
        }

        _retry = s_firstRetry;
        while (_stalled.TryDequeue(out var message)) Transmit(message.Buffer, message.Length);
    }

    private void Arrive(byte[] buffer, int length)
    {
        if (IsOpen) Machine.Receive(Simulation.Now, Id, default, buffer.AsSpan(0, length));
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private void CountUnsent(int change)
    {
        _unsent += change;
        bool congested = _congested ? _unsent > WritableAt : _unsent > CongestedAt;
        if (congested == _congested || !IsOpen) return;
        _congested = congested;
        Machine.HandleCongestion(Id, congested);
    }
}
