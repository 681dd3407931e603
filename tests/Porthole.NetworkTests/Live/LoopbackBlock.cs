using System.Globalization;
using Porthole.Protocol;

namespace Porthole.NetworkTests.Live;

/// <summary>Loopback addresses that no other test and no other run of the tests uses: 127.x.y.0/24 with x from the process and y from the test. 64 to 191 are those of the demo.</summary>
internal sealed class LoopbackBlock
{
    private static readonly int s_process = Environment.ProcessId % 110 + (Environment.ProcessId % 110 < 48 ? 16 : 144);
    private static int s_blocks;

    private readonly string _prefix = string.Create(
        CultureInfo.InvariantCulture, $"127.{s_process}.{Interlocked.Increment(ref s_blocks) % 250}.");

    public TransportAddress this[int host] => TransportAddress.Parse(string.Create(CultureInfo.InvariantCulture, $"{_prefix}{host}:0"));
}
