using System.Net.Sockets;
using System.Runtime.InteropServices;
using Porthole.Protocol;

namespace Porthole.Tests.Sockets;

/// <summary>Alone, because it takes the right to open anything from the whole process.</summary>
[Collection<Alone>]
public sealed class DescriptorLimitTests
{
    /// <summary>RLIMIT_NOFILE.</summary>
    private const int Descriptors = 7;

    [Fact]
    public async Task A_listener_that_cannot_accept_goes_on_when_it_can_again()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The limit is set as on Linux.");
        await using var host = new TcpHost();
        var (_, port) = await host.ListenAsync();
        using var first = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await first.ConnectAsync(port.ToEndPoint(), TestContext.Current.CancellationToken);
        host.Add((await host.Inbox.NextAcceptedAsync()).Socket); // everything that is loaded once is loaded

        using var second = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        Assert.Equal(0, GetLimit(Descriptors, out var limit));
        var none = limit with { Now = 1 };
        Assert.Equal(0, SetLimit(Descriptors, in none));
        try
        {
            await second.ConnectAsync(port.ToEndPoint(), TestContext.Current.CancellationToken); // the system takes it for the listener
            await Task.Delay(50, TestContext.Current.CancellationToken);
            Assert.Equal(0, host.Inbox.Events);
        }
        finally
        {
            Assert.Equal(0, SetLimit(Descriptors, in limit));
        }

        var (accepted, remote) = await host.Inbox.NextAcceptedAsync();
        host.Add(accepted);
        Assert.Equal(TransportAddress.FromEndPoint((System.Net.IPEndPoint)second.LocalEndPoint!), remote);
    }

    [DllImport("libc", EntryPoint = "getrlimit")]
    private static extern int GetLimit(int resource, out Limit limit);

    [DllImport("libc", EntryPoint = "setrlimit")]
    private static extern int SetLimit(int resource, in Limit limit);

    /// <summary><c>struct rlimit</c>.</summary>
    private record struct Limit(nuint Now, nuint Most);
}
