using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using Porthole.Files;
using Porthole.Lab.Nat;
using Porthole.Protocol;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Testing;
using Porthole.Tests.AspNetCore;
using Porthole.Tests.Files;
using Porthole.Tests.Testing;

namespace Porthole.Tests;

/// <summary>What programs get that ask for what cannot be, give up at every moment, or have a defect.</summary>
public sealed class MisuseTests
{
    private static CancellationToken Token => TestPeers.Token;

    [Fact]
    public async Task Who_is_no_peer_is_not_called_and_the_node_goes_on()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", cancellationToken: Token);
        var alice = await net.StartPeerAsync("alice", cancellationToken: Token);
        foreach (var target in (PeerTarget[])[new(null, null), new("B B", null), new(new string('x', 100_000), null), new("b b", bob.Id)])
        {
            Assert.Equal(PeerError.BadRequest, (await Assert.ThrowsAsync<PeerException>(() => alice.ConnectAsync(target, Token))).Error);
        }

        var calling = alice.ConnectAsync("!!", Token); // a task that fails, as of any other call
        Assert.Equal(PeerError.BadRequest, (await Assert.ThrowsAsync<PeerException>(() => calling)).Error);
        await Assert.ThrowsAsync<ArgumentNullException>(() => alice.ConnectAsync((string)null!, Token));
        var (there, here) = await TestPeers.ConnectAsync(alice, bob);
        await TestPeers.ExchangeAsync(there, here);
    }

    [Fact]
    public async Task Who_gives_up_is_told_so_with_the_own_token()
    {
        await using var net = await PortholeTestNetwork.StartAsync();
        using var cancel = new CancellationTokenSource();
        var bob = await net.StartPeerAsync("bob", configure: RelayAlone, cancellationToken: Token);
        var alice = await net.StartPeerAsync("alice", configure: RelayAlone, cancellationToken: Token);
        var (there, _) = await TestPeers.ConnectAsync(alice, bob);
        Task[] waiting = [there.WaitForDirectAsync(Timeout.InfiniteTimeSpan, cancel.Token), there.AcceptStreamAsync(cancel.Token).AsTask(), alice.AcceptAsync(cancel.Token).AsTask()];
        await cancel.CancelAsync();
        foreach (var one in (Task[])[.. waiting, net.StartPeerAsync("carol", cancellationToken: cancel.Token), alice.GetPeersAsync(cancel.Token), alice.ConnectAsync("bob", cancel.Token)])
        {
            var given = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => one.WaitAsync(TestPeers.Patience, Token));
            Assert.Equal(cancel.Token, given.CancellationToken);
        }

        static PeerOptions RelayAlone(PeerOptions options) => options with { Transports = Transports.None };
    }

    [Fact]
    public async Task A_call_that_a_defect_of_the_node_overtakes_fails_and_names_it()
    {
        using var reached = new ManualResetEventSlim();
        using var release = new ManualResetEventSlim();
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", cancellationToken: Token);
        var alice = await net.StartPeerAsync("alice", configure: options => options with { Observer = Break }, cancellationToken: Token);
        var calling = bob.ConnectAsync("alice", Token);
        Assert.True(reached.Wait(TestPeers.Patience, Token));
        var waiting = alice.ConnectAsync("bob", Token); // behind what is about to fail
        release.Set();
        var error = await Assert.ThrowsAsync<PeerException>(() => waiting.WaitAsync(TestPeers.Patience, Token));
        Assert.Equal((PeerError.Closed, "The peer ended because of a defect: broken on purpose"), (error.Error, error.Message));
        Assert.Equal("broken on purpose", error.InnerException?.Message);
        await Assert.ThrowsAsync<InvalidOperationException>(() => alice.Stopped.WaitAsync(TestPeers.Patience, Token));
        await calling.ContinueWith(static called => _ = called.Exception, Token, TaskContinuationOptions.None, TaskScheduler.Default); // it may have stood already

        void Break(PeerEvent happened)
        {
            if (happened is not PeerEvent.Opened) return;
            reached.Set();
            release.Wait(TestPeers.Patience);
            throw new InvalidOperationException("broken on purpose");
        }
    }

    [Fact]
    public async Task Questions_that_were_given_up_leave_no_exception_that_nobody_sees()
    {
        string mark = $"broken on purpose {Guid.NewGuid()}"; // other tests of the process may be guilty of others
        var unseen = new ConcurrentQueue<Exception>();
        TaskScheduler.UnobservedTaskException += Look;
        try
        {
            await AskInVainAsync(mark);
            for (int round = 0; round < 5; round++)
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
            }
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= Look;
        }

        Assert.Empty(unseen);

        void Look(object? sender, UnobservedTaskExceptionEventArgs found)
        {
            if (found.Exception.ToString().Contains(mark, StringComparison.Ordinal)) unseen.Enqueue(found.Exception);
        }
    }

    [Fact]
    public async Task To_leave_a_server_is_no_loss_of_it()
    {
        var log = new ListLogger();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log).SetMinimumLevel(LogLevel.Trace));
        await using var net = await PortholeTestNetwork.StartAsync(new PortholeTestOptions { LoggerFactory = factory });
        var alice = await net.StartPeerAsync("alice", NatProfile.Masquerade, cancellationToken: Token);
        await alice.DisposeAsync();
        await log.WaitForAsync(2111, TestPeers.Patience);
        Assert.DoesNotContain(log.Warnings, static line => line.Contains("was closed", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_offer_of_files_that_is_refused_is_no_defect_of_the_handler()
    {
        using var folder = new TempFolder();
        var log = new ListLogger();
        using var factory = LoggerFactory.Create(logging => logging.AddProvider(log));
        await using var net = await PortholeTestNetwork.StartAsync();
        var bob = await net.StartPeerAsync("bob", configure: options => options with { LoggerFactory = factory }, cancellationToken: Token);
        var alice = await net.StartPeerAsync("alice", cancellationToken: Token);
        var receiver = new FileReceiver(folder.PathOf("in"), new FileReceiveOptions { Accept = (_, _) => Task.FromResult(false) });
        bob.Streams.Map(StreamPreamble.Files, (connection, stream) => receiver.ReceiveAsync(connection, stream));
        bob.Streams.Start();
        var sending = new FileSender([folder.Write("out/a", [1])]).SendAsync(cancel => alice.ConnectAsync("bob", cancel), Token);
        await Assert.ThrowsAnyAsync<IOException>(() => sending.WaitAsync(TestPeers.Patience, Token));
        await log.WaitForAsync(2132, TestPeers.Patience);
        Assert.Empty(log.Errors);
    }

    [Fact]
    public async Task Options_say_what_is_wrong_with_them()
    {
        var options = new PeerOptions { Server = ServerAddress.Parse("192.0.2.1") };
        Assert.Throws<ArgumentOutOfRangeException>(() => options with { StartTimeout = TimeSpan.MaxValue });
        Assert.Throws<ArgumentOutOfRangeException>(() => options with { ConnectTimeout = TimeSpan.FromDays(25) });
        Assert.Throws<ArgumentOutOfRangeException>(() => options with { ConnectTimeout = TimeSpan.Zero });
        Assert.Throws<ArgumentOutOfRangeException>(() => options with { Accept = (AcceptPolicy)99 });
        Assert.Throws<ArgumentOutOfRangeException>(() => options with { Presence = (PresenceMode)99 });
        Assert.Throws<ArgumentException>(() => options with { IdentityPath = string.Empty });
        foreach (string room in (string[])[string.Empty, "a\nb", "\U0001F600", new('r', RendezvousLimits.MaxRoom + 1)]) Assert.Throws<ArgumentException>(() => options with { Room = room });
        Assert.Equal(TimeSpan.FromDays(24), (options with { ConnectTimeout = TimeSpan.FromDays(24) }).ConnectTimeout);
        await Assert.ThrowsAsync<ArgumentException>(() => PeerNode.StartAsync(options with { Presence = PresenceMode.Room }, Token));
    }

    /// <summary>Asks a server that is away, gives up, and breaks the node before there is an answer. Nothing of it is on the caller's stack.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static async Task AskInVainAsync(string mark)
    {
        bool isArmed = false;
        await using var net = await PortholeTestNetwork.StartAsync();
        var alice = await net.StartPeerAsync("alice", configure: options => options with { Observer = Break }, cancellationToken: Token);
        net.StopServer();
        await TestPeers.UntilAsync(() => !alice.Server.IsRegistered);
        using (var cancel = new CancellationTokenSource())
        {
            var asking = alice.GetPeersAsync(cancel.Token);
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asking);
        }

        Volatile.Write(ref isArmed, true);
        net.StartServer();
        await Assert.ThrowsAsync<InvalidOperationException>(() => alice.Stopped.WaitAsync(TestPeers.Patience, Token));

        void Break(PeerEvent happened)
        {
            if (Volatile.Read(ref isArmed) && happened is PeerEvent.Registered) throw new InvalidOperationException(mark);
        }
    }
}
