using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Session;

namespace Porthole.Lab.Scenarios;

/// <summary>
/// A whole peer on a simulated host, and the simplest of programs above it: it keeps every event with its time, reads what comes on every stream, and can send
/// bytes on a stream of a connection.
/// </summary>
public sealed class SimulatedPeer
{
    private readonly Simulation _simulation;
    private readonly SimulatedMachine _running;
    private readonly List<(Instant At, PeerEvent Event)> _events = [];
    private readonly Dictionary<SessionStream, MemoryStream> _received = [];
    private readonly List<(ConnectionHandle Connection, SessionStream Stream, ReadOnlyMemory<byte> Unsent)> _sending = [];

    internal SimulatedPeer(Simulation simulation, SimulatedHost host, PeerMachineOptions options)
    {
        (_simulation, Host) = (simulation, host);
        Machine = new PeerMachine(options, simulation.CreateEntropy());
        _running = host.Run(Machine, TakeEvents);
        _running.Invoke(now =>
        {
            Machine.HandleSocketEvent(now, new SocketEvent.NetworkChanged(host.Addresses) { Gateways = host.Gateways });
            Machine.Start(now);
        });
    }

    /// <summary>The host it runs on.</summary>
    public SimulatedHost Host { get; }

    /// <summary>The peer.</summary>
    public PeerMachine Machine { get; }

    /// <summary>All that it said, with the time.</summary>
    public IReadOnlyList<(Instant At, PeerEvent Event)> Events => _events;

    /// <summary>The bytes that came on each stream, in the order in which the streams began.</summary>
    public IReadOnlyList<byte[]> Received => [.. _received.Values.Select(static bytes => bytes.ToArray())];

    /// <summary>How many bytes came on all streams.</summary>
    public long BytesReceived => _received.Values.Sum(static bytes => bytes.Length);

    /// <summary>How many TCP connections it has, those that are being made included.</summary>
    public int TcpConnections => _running.TcpConnections;

    /// <summary>Whether it is registered.</summary>
    public bool IsRegistered => Find<PeerEvent.Registered>() is not null;

    /// <summary>Calls a peer.</summary>
    /// <param name="target">A name, a name with an id, or an id.</param>
    public ConnectionHandle Connect(string target)
    {
        if (!PeerTarget.TryParse(target, out var parsed)) throw new FormatException($"'{target}' is no peer.");
        ConnectionHandle handle = default;
        _running.Invoke(now => handle = Machine.Connect(now, parsed));
        return handle;
    }

    /// <summary>Gives the peer a command at the present time.</summary>
    public void Invoke(Action<PeerMachine, Instant> command) => _running.Invoke(now => command(Machine, now));

    /// <summary>Ends the peer's process without a word.</summary>
    public void Kill() => _running.Stop();

    /// <summary>Sends bytes on a new stream of a connection and ends the stream behind them.</summary>
    public void Send(ConnectionHandle connection, ReadOnlyMemory<byte> bytes) => _running.Invoke(now =>
    {
        if (!Machine.TryOpenStream(now, connection, out var stream)) throw new InvalidOperationException($"{connection} takes no stream.");
        _sending.Add((connection, stream, bytes));
        PumpSending(now);
    });

    /// <summary>The first event of a kind; null when there was none.</summary>
    public T? Find<T>()
        where T : PeerEvent => _events.Select(static entry => entry.Event).OfType<T>().FirstOrDefault();

    /// <summary>When the first event of a kind that fits came; null when there was none.</summary>
    public Instant? TimeOf<T>(Func<T, bool>? fits = null)
        where T : PeerEvent
    {
        foreach (var (at, peerEvent) in _events)
        {
            if (peerEvent is T wanted && (fits is null || fits(wanted))) return at;
        }

        return null;
    }

    /// <summary>The handle of the newest connection that opened; the default when none did.</summary>
    public ConnectionHandle Opened => _events.Select(static entry => entry.Event).OfType<PeerEvent.Opened>().LastOrDefault()?.Connection ?? default;

    /// <summary>The newest path of a connection; null when it never had one.</summary>
    public ConnectionPath? PathOf(ConnectionHandle connection) =>
        _events.Select(static entry => entry.Event).OfType<PeerEvent.PathChanged>().LastOrDefault(changed => changed.Connection == connection)?.Path;

    private void TakeEvents(Instant now)
    {
        while (Machine.TryTakeEvent(out var peerEvent))
        {
            _events.Add((now, peerEvent));
            if (peerEvent is PeerEvent.SessionActivity { Connection: var connection, Event: var sessionEvent }) HandleSessionEvent(now, connection, sessionEvent);
        }
    }

    private void HandleSessionEvent(Instant now, ConnectionHandle connection, SessionEvent sessionEvent)
    {
        switch (sessionEvent)
        {
            case SessionEvent.StreamOpened opened:
                _received.TryAdd(opened.Stream, new MemoryStream());
                Read(now, connection, opened.Stream);
                break;
            case SessionEvent.StreamReadable readable:
                _received.TryAdd(readable.Stream, new MemoryStream());
                Read(now, connection, readable.Stream);
                break;
            case SessionEvent.StreamWritable:
                PumpSending(now);
                break;
        }
    }

    private void Read(Instant now, ConnectionHandle connection, SessionStream stream)
    {
        byte[] buffer = new byte[16 * 1024];
        while (stream.TryRead(buffer, out int read)) _received[stream].Write(buffer, 0, read);
        Report(now, connection, stream);
    }

    private void PumpSending(Instant now)
    {
        for (int i = 0; i < _sending.Count; i++)
        {
            var (connection, stream, rest) = _sending[i];
            while (!rest.IsEmpty && stream.TryWrite(rest.Span, out int written)) rest = rest[written..];
            if (rest.IsEmpty)
            {
                stream.CompleteWrites();
                _sending.RemoveAt(i--);
            }
            else
            {
                _sending[i] = (connection, stream, rest);
            }

            Report(now, connection, stream);
        }
    }

    private void Report(Instant now, ConnectionHandle connection, SessionStream stream)
    {
        if (stream.TryClaimActivity()) Machine.HandleStreamActivity(now, connection, stream);
    }
}
