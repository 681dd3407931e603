using System.Diagnostics;
using Porthole.Diagnostics;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Trace;

/// <summary>Keeps what happens, up to a limit, in the order in which it happened.</summary>
internal sealed class TraceRecorder(int limit = TraceRecorder.StandardLimit) : IPeerTrace
{
    /// <summary>Entries that are kept: a hundred punches at full budget, in some ten megabytes.</summary>
    public const int StandardLimit = 50_000;

    /// <summary>Relayed packets that are kept: they show that the relay carries the session, and what it carries is nobody's business.</summary>
    public const int MaxRelayed = 40;

    private readonly Lock _gate = new();
    private readonly List<TraceEntry> _entries = [];
    private readonly long _began = Stopwatch.GetTimestamp();
    private int _relayed;
    private int _dropped;
    private int _relayedDropped;

    /// <summary>When the trace began.</summary>
    public DateTimeOffset Began { get; } = DateTimeOffset.UtcNow;

    /// <summary>What is kept so far.</summary>
    public TraceRecord Take()
    {
        lock (_gate) return new TraceRecord(Began, [.. _entries], _dropped, _relayedDropped);
    }

    /// <inheritdoc/>
    public void OnPacket(in TracedPacket packet)
    {
        var at = Stopwatch.GetElapsedTime(_began);
        if (packet.MainMessage is { } kind)
        {
            if (kind != MainMessageKind.Relay || Interlocked.Increment(ref _relayed) <= MaxRelayed) Add(new TraceEntry.ServerMessage(at, packet.IsSent, kind, packet.Length));
            else Interlocked.Increment(ref _relayedDropped);
        }
        else
        {
            Add(new TraceEntry.Packet(at, packet.Carrier, packet.IsSent, packet.Local, packet.Remote, packet.HopLimit, packet.Bytes.ToArray()));
        }
    }

    /// <inheritdoc/>
    public void OnConnection(TracedConnection connection) => Add(new TraceEntry.Connection(Stopwatch.GetElapsedTime(_began), connection));

    /// <inheritdoc/>
    public void OnEvent(PeerEvent happened)
    {
        if (happened is not PeerEvent.SessionActivity) Add(new TraceEntry.Happened(Stopwatch.GetElapsedTime(_began), happened));
    }

    private void Add(TraceEntry entry)
    {
        lock (_gate)
        {
            if (_entries.Count < limit) _entries.Add(entry);
            else _dropped++;
        }
    }
}
