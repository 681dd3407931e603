using System.Globalization;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Live;

/// <summary>Loopback addresses that no other test and no other run of the tests uses: 127.x.y.0/24 with x from the process and y from the test.</summary>
internal sealed class LoopbackBlock
{
    private static int s_blocks;

    private readonly string _prefix = string.Create(
        CultureInfo.InvariantCulture, $"127.{16 + Environment.ProcessId % 200}.{Interlocked.Increment(ref s_blocks) % 250}.");

    public TransportAddress this[int host] => TransportAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"{_prefix}{host}:0"));
}
