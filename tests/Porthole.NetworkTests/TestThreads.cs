using System.Runtime.CompilerServices;

namespace Porthole.NetworkTests;

internal static class TestThreads
{
    // Tests here wait in blocking calls on real sockets; with one pool thread per core they would keep those from running that answer them.
    [ModuleInitializer]
    internal static void Provide() => ThreadPool.SetMinThreads(32, 32);
}
