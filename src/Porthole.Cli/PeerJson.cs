using Porthole.Protocol.Peer;

namespace Porthole.Cli;

/// <summary>The events of <c>--json</c> that several commands write.</summary>
internal static class PeerJson
{
    public static void WriteRegistered(PeerNode node) => JsonLines.Write("registered", writer =>
    {
        writer.WriteString("name", node.Name);
        writer.WriteString("peerId", node.Id.ToString());
    });

    /// <summary>The connection is on a path.</summary>
    /// <param name="path">The path.</param>
    /// <param name="elapsed">Since the connect call; null where there was none.</param>
    /// <param name="peer">Whose connection; null where there is one only.</param>
    public static void WritePath(ConnectionPath path, TimeSpan? elapsed, string? peer) => JsonLines.Write("path", writer =>
    {
        if (peer is not null) writer.WriteString("peer", peer);
        writer.WriteString("kind", path.Kind.Code);
        writer.WriteAddress("local", path.Local);
        writer.WriteAddress("remote", path.Remote);
        if (elapsed is { } time) writer.WriteMilliseconds("elapsedMs", time);
        if (path.RoundTrip is { } rtt) writer.WriteMilliseconds("rttMs", rtt);
    });

    /// <summary>Why the path of a connection is what it is.</summary>
    /// <param name="verdict">The verdict.</param>
    /// <param name="peer">Whose connection; null where there is one only.</param>
    public static void WriteVerdict(PathVerdict verdict, string? peer = null) => JsonLines.Write("verdict", writer =>
    {
        if (peer is not null) writer.WriteString("peer", peer);
        VerdictJson.WriteFields(writer, verdict);
    });

    public static void WriteCheck(PeerEvent.CheckTraced check, TimeSpan? elapsed, double? at = null) => JsonLines.Write("check", writer =>
    {
        if (at is { } time) writer.WriteNumber("at", time);
        writer.WriteString("step", check.Step.Code);
        writer.WriteAddress("local", check.Local);
        writer.WriteAddress("remote", check.Remote);
        writer.WriteNumber("attempt", check.Attempt);
        if (elapsed is { } span) writer.WriteMilliseconds("elapsedMs", span);
    });
}
