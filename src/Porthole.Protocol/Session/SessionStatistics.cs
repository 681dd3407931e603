namespace Porthole.Protocol.Session;

/// <summary>What a session has sent and received in all, over all paths.</summary>
/// <param name="PacketsSent">Packets sent.</param>
/// <param name="PacketsReceived">Authentic packets received.</param>
/// <param name="PacketsLost">Packets declared lost (RFC 9002 section 6).</param>
/// <param name="PacketsRefused">Packets that were forged, replayed or malformed.</param>
/// <param name="BytesSent">Bytes sent, packets whole.</param>
/// <param name="BytesReceived">Bytes received in authentic packets.</param>
/// <param name="StreamBytesSent">Stream bytes sent for the first time.</param>
/// <param name="StreamBytesResent">Stream bytes sent again.</param>
/// <param name="Moves">How often the active path changed.</param>
public readonly record struct SessionStatistics(
    long PacketsSent,
    long PacketsReceived,
    long PacketsLost,
    long PacketsRefused,
    long BytesSent,
    long BytesReceived,
    long StreamBytesSent,
    long StreamBytesResent,
    int Moves);
