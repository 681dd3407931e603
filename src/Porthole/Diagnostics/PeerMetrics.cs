using System.Diagnostics.Metrics;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Runtime;

namespace Porthole.Diagnostics;

/// <summary>The instruments of the meter <c>Porthole</c>. Tags have few values: kinds and errors, never addresses or names.</summary>
public static class PeerMetrics
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "Porthole";

    private static readonly Meter s_meter = new(MeterName);

    private static readonly UpDownCounter<long> s_connections =
        s_meter.CreateUpDownCounter<long>("porthole.connections.active", "{connection}", "Connections that are open.");

    private static readonly Histogram<double> s_connectDuration =
        s_meter.CreateHistogram<double>("porthole.connect.duration", "s", "From the call until the peer has proved its key.");

    private static readonly Histogram<double> s_directDuration =
        s_meter.CreateHistogram<double>("porthole.direct.duration", "s", "From the call until the connection moved to a direct path.");

    private static readonly Counter<long> s_failures = s_meter.CreateCounter<long>("porthole.connect.failures", "{connection}", "Calls that gave no connection.");

    private static readonly Counter<long> s_moves = s_meter.CreateCounter<long>("porthole.path.changes", "{change}", "Moves of a connection to another path.");

    private static readonly Counter<long> s_punches =
        s_meter.CreateCounter<long>("porthole.punches", "{punch}", "Punches that were decided, by what led to a direct path, or why nothing did.");

    private static readonly Counter<long> s_serverLosses = s_meter.CreateCounter<long>("porthole.server.losses", "{loss}", "Losses of the server.");

    private static readonly UpDownCounter<long> s_streams = s_meter.CreateUpDownCounter<long>("porthole.streams.active", "{stream}", "Streams that are open.");

    private static readonly Counter<long> s_streamBytes =
        s_meter.CreateCounter<long>("porthole.stream.io", "By", "Bytes that programs have written to streams and read from them, by the kind of path of that moment.");

    internal static void StreamOpened(bool isLocal) => s_streams.Add(1, Direction(!isLocal));

    internal static void StreamOver(bool isLocal) => s_streams.Add(-1, Direction(!isLocal));

    internal static void StreamBytes(IStreamOwner owner, int bytes, bool isSent)
    {
        if (!s_streamBytes.Enabled) return; // a stream may be used a million times a second
        s_streamBytes.Add(
            bytes,
            new KeyValuePair<string, object?>("network.io.direction", isSent ? "transmit" : "receive"),
            new KeyValuePair<string, object?>("porthole.path", owner.PathKind.ToString()));
    }

    internal static void Opened(bool isIncoming, TimeSpan elapsed)
    {
        s_connections.Add(1, Direction(isIncoming));
        if (!isIncoming) s_connectDuration.Record(elapsed.TotalSeconds);
    }

    internal static void Closed(bool isIncoming) => s_connections.Add(-1, Direction(isIncoming));

    internal static void ConnectFailed(PeerError error) => s_failures.Add(1, new KeyValuePair<string, object?>("porthole.error", error.ToString()));

    internal static void PathChanged(ConnectionPath path, TimeSpan elapsed)
    {
        s_moves.Add(1, new KeyValuePair<string, object?>("porthole.path", path.Kind.ToString()));
        if (path.IsDirect) s_directDuration.Record(elapsed.TotalSeconds);
    }

    internal static void VerdictChanged(PathVerdict verdict)
    {
        if (verdict.Reason is VerdictReason.Pending or VerdictReason.RelayOnly or VerdictReason.PathLost) return; // no punch was decided
        s_punches.Add(1, new KeyValuePair<string, object?>("porthole.method", verdict.Method.Code), new KeyValuePair<string, object?>("porthole.reason", verdict.Reason.ToString()));
    }

    internal static void ServerLost(PeerError error) => s_serverLosses.Add(1, new KeyValuePair<string, object?>("porthole.error", error.ToString()));

    private static KeyValuePair<string, object?> Direction(bool isIncoming) => new("porthole.direction", isIncoming ? "in" : "out");
}
