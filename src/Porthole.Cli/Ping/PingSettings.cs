using Porthole.Protocol.Peer;

namespace Porthole.Cli.Ping;

/// <summary>What <c>porthole ping</c> is asked to do.</summary>
/// <param name="Target">Whom to ping.</param>
/// <param name="Count">How many pings.</param>
/// <param name="Interval">From one ping to the next.</param>
/// <param name="Size">Bytes of padding in each.</param>
/// <param name="WaitDirect">How long to wait for a direct path before the first ping; null not to wait.</param>
/// <param name="Json">Whether to write JSON.</param>
/// <param name="Checks">Whether to show each connectivity check.</param>
internal sealed record PingSettings(PeerTarget Target, int Count, TimeSpan Interval, int Size, TimeSpan? WaitDirect, bool Json, bool Checks);
