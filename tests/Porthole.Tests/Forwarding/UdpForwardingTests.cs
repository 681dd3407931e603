using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Porthole.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Tests.Runtime;

namespace Porthole.Tests.Forwarding;

public sealed class UdpForwardingTests : IAsyncLifetime
{
    private readonly Socket _server = Bind();
    private readonly CancellationTokenSource _stop = new();
    private ForwardingRig _rig = null!;
    private int _again; // questions that were asked once more
    private volatile EndPoint? _echoed;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ForwardTarget Target => ForwardingRig.Udp(((IPEndPoint)_server.LocalEndPoint!).Port);

    public async ValueTask InitializeAsync() => _rig = await ForwardingRig.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _rig.DisposeAsync();
        _server.Dispose();
        _stop.Dispose();
    }

    [Fact]
    public async Task Boundaries_of_datagrams_are_kept_whatever_their_size()
    {
        using var client = await StartAsync();
        _ = EchoAsync();
        foreach (int size in (int[])[0, 1, ForwardDatagram.MaxWhole, ForwardDatagram.MaxWhole + 1, 1_024, 1_025, 9_000, ForwardDatagram.MaxPayload])
        {
            byte[] bytes = RandomNumberGenerator.GetBytes(size);
            Assert.Equal(bytes, await AskAsync(client, bytes));
        }

        Assert.Single(_rig.Shared.OfType<ForwardingEvent.Connected>());
    }

    [Fact]
    public async Task Each_client_has_a_flow_of_its_own_and_gets_its_own_answers()
    {
        using var first = await StartAsync();
        using var second = Bind();
        await second.ConnectAsync(first.RemoteEndPoint!, Token);
        _ = EchoAsync();
        for (byte i = 0; i < 20; i++)
        {
            Assert.Equal([1, i], await AskAsync(first, [1, i]));
            Assert.Equal([2, i], await AskAsync(second, [2, i]));
        }

        Assert.Equal(2, _rig.Shared.OfType<ForwardingEvent.Connected>().Select(static connected => connected.Local).Count());
        Assert.Equal(2, _rig.Forwarded.OfType<ForwardingEvent.Connected>().Count());
    }

    [Fact]
    public async Task A_flow_ends_when_nothing_has_passed_for_the_time_out_and_what_is_used_lives()
    {
        var clock = new ManualTimeProvider();
        await _rig.ShareAsync([new SharedPort(Target)], new PortSharerOptions { TimeProvider = clock });
        using var used = Bind();
        using var quiet = Bind();
        var local = _rig.Forward(Target, new PortForwarderOptions { TimeProvider = clock });
        await used.ConnectAsync(local, Token);
        await quiet.ConnectAsync(local, Token);
        _ = EchoAsync();
        Assert.Equal([1], await AskAsync(used, [1]));
        Assert.Equal([2], await AskAsync(quiet, [2]));
        for (byte seconds = 0; seconds < 120 || IsLate(seconds); seconds += 30)
        {
            if (seconds < 120) Assert.Empty(_rig.Shared.OfType<ForwardingEvent.Closed>());
            clock.Advance(TimeSpan.FromSeconds(30));
            Assert.Equal([1, seconds], await AskAsync(used, [1, seconds]));
        }

        foreach (var closed in (ForwardingEvent.Closed[])[_rig.Shared.OfType<ForwardingEvent.Closed>().Single(), _rig.Forwarded.OfType<ForwardingEvent.Closed>().Single()])
        {
            Assert.InRange(closed.BytesToPeer, 1, 1 + _again);
            Assert.InRange(closed.BytesFromPeer, 1, 1 + _again);
        }

        Assert.Equal([3], await AskAsync(quiet, [3])); // as another flow
        Assert.Equal(3, _rig.Shared.OfType<ForwardingEvent.Connected>().Count());

        // A question that was sent twice may pass after the clock was moved.
        bool IsLate(int seconds) => _again > 0 && seconds < 240 && !(_rig.Shared.OfType<ForwardingEvent.Closed>().Any() && _rig.Forwarded.OfType<ForwardingEvent.Closed>().Any());
    }

    [Fact]
    public async Task A_flow_on_which_only_the_target_speaks_lives()
    {
        var clock = new ManualTimeProvider();
        await _rig.ShareAsync([new SharedPort(Target)], new PortSharerOptions { TimeProvider = clock });
        using var client = Bind();
        await client.ConnectAsync(_rig.Forward(Target, new PortForwarderOptions { TimeProvider = clock }), Token);
        _ = EchoAsync();
        Assert.Equal([0], await AskAsync(client, [0]));
        var flow = _echoed!;
        for (byte step = 1; step <= 10; step++) // five minutes, and a flow ends after two
        {
            clock.Advance(TimeSpan.FromSeconds(30));
            await HearAsync(client, flow, [step]);
        }

        Assert.Empty(_rig.Shared.OfType<ForwardingEvent.Closed>());
        Assert.Empty(_rig.Forwarded.OfType<ForwardingEvent.Closed>());
    }

    [Fact]
    public async Task Where_there_is_no_room_the_quietest_flow_makes_it()
    {
        await _rig.ShareAsync([new SharedPort(Target)], new PortSharerOptions { MaxFlows = 2 });
        var local = _rig.Forward(Target, new PortForwarderOptions { MaxFlows = 3 });
        _ = EchoAsync();
        for (byte i = 0; i < 6; i++)
        {
            using var client = Bind();
            await client.ConnectAsync(local, Token);
            Assert.Equal([i], await AskAsync(client, [i]));
        }

        Assert.InRange(_rig.Shared.OfType<ForwardingEvent.Closed>().Count(), 4, 4 + _again);
        Assert.InRange(_rig.Forwarded.OfType<ForwardingEvent.Closed>().Count(), 3, 3 + _again);
    }

    [Fact]
    public async Task When_the_sharer_comes_back_datagrams_go_on()
    {
        using var client = await StartAsync();
        _ = EchoAsync();
        Assert.Equal([1], await AskAsync(client, [1]));
        await _rig.StopSharingAsync();
        await _rig.ShareAsync(Target);
        Assert.Equal([2], await AskAsync(client, [2]));
    }

    [Fact]
    public async Task A_flow_outlives_whatever_error_the_network_reports()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.IsPrivilegedProcess, "An ICMP error is made by hand.");
        using var client = await StartAsync();
        _ = EchoAsync();
        Assert.Equal([1], await AskAsync(client, [1]));
        var flow = (IPEndPoint)_echoed!;
        using var icmp = new Socket(AddressFamily.InterNetwork, SocketType.Raw, ProtocolType.Icmp);
        await icmp.SendToAsync(ProtocolUnreachable(flow, (IPEndPoint)_server.LocalEndPoint!), new IPEndPoint(flow.Address, 0), Token);
        for (byte i = 2; i < 10; i++) Assert.Equal([i], await AskAsync(client, [i]));
        Assert.Single(_rig.Shared.OfType<ForwardingEvent.Connected>());
    }

    [Fact]
    public async Task A_port_that_is_not_shared_is_named_once_and_nothing_reaches_it()
    {
        await _rig.ShareAsync(ForwardingRig.Udp(1), ForwardingRig.Tcp(Target.Port));
        using var client = Bind();
        await client.ConnectAsync(_rig.Forward(Target), Token);
        await client.SendAsync(new byte[1], Token);
        await ForwardingRig.EventuallyAsync(() => _rig.Forwarded.OfType<ForwardingEvent.Refused>().Any() && _rig.Shared.OfType<ForwardingEvent.Refused>().Any());
        Assert.Equal(ForwardStatus.NotShared, _rig.Forwarded.OfType<ForwardingEvent.Refused>().Single().Status);
        Assert.Equal(0, _server.Available);
    }

    [Fact]
    public async Task A_peer_that_does_not_answer_is_told_of()
    {
        await _rig.Peers.StartAsync("bob", AcceptPolicy.Anyone); // takes the call, and nothing else
        _rig.Forward(Target, new PortForwarderOptions { AnswerTimeout = TimeSpan.FromMilliseconds(100) });
        await ForwardingRig.EventuallyAsync(() => !_rig.Unconnected.IsEmpty);
        Assert.Equal(PeerError.TimedOut, _rig.Unconnected.First().Error);
    }

    [Fact]
    public async Task A_socket_that_fails_for_good_is_told_of_once_and_tried_ever_more_seldom()
    {
        var clock = new ManualTimeProvider();
        await using var owner = PortForwarder.Start(_rig.ToBob, [], new PortForwarderOptions { TimeProvider = clock, FlowTimeout = TimeSpan.FromDays(100), Unconnected = (_, reason) => _rig.Unconnected.Enqueue(reason) });
        using var broken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp); // is not connected: each receive fails at once
        broken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var forwarder = new UdpForwarder(owner, broken, Target, 1);
        var running = forwarder.RunAsync(_stop.Token);
        long[] pauses = new long[12];
        for (int i = 0; i < pauses.Length; i++)
        {
            long began = clock.GetTimestamp();
            await ForwardingRig.EventuallyAsync(() => clock.TimeToNextTimer < TimeSpan.FromMinutes(1));
            clock.AdvanceToNextTimer();
            pauses[i] = (clock.GetTimestamp() - began) / TimeSpan.TicksPerMillisecond;
        }

        Assert.Equal([100, 200, 400, 800, 1_600, 3_200, 6_400, 10_000, 10_000, 10_000, 10_000, 10_000], pauses);
        Assert.Contains($"UDP port {broken.LocalEndPoint} cannot be read", Assert.Single(_rig.Unconnected).Message, StringComparison.Ordinal);
        await _stop.CancelAsync();
        await running.WaitAsync(ForwardingRig.Patience, Token);
    }

    [Fact]
    public async Task A_burst_of_many_datagrams_arrives_whole()
    {
        const int Count = 2_000;
        using var client = await StartAsync();
        await _rig.ToBob.Current!.WaitForDirectAsync(ForwardingRig.Patience, Token);
        var received = new ConcurrentDictionary<int, bool>();
        var receiving = Task.Run(
            async () =>
            {
                byte[] buffer = new byte[ushort.MaxValue];
                while (received.Count < Count)
                {
                    Assert.Equal(1_200, await _server.ReceiveAsync(buffer, Token));
                    received.TryAdd(BitConverter.ToInt32(buffer), true);
                }
            },
            Token);
        byte[] datagram = new byte[1_200];
        for (int round = 0; !receiving.IsCompleted; round++)
        {
            // Datagrams may be lost where a machine is busy: those are sent again, until all have come.
            Assert.True(round < 200, $"{received.Count} of {Count} came.");
            for (int i = 0; i < Count && !receiving.IsCompleted; i++)
            {
                if (round > 0 && received.ContainsKey(i)) continue;
                BitConverter.TryWriteBytes(datagram, i);
                await client.SendAsync(datagram, Token);
                if (i % 20 == 19) await Task.Delay(1, Token);
            }

            await Task.WhenAny(receiving, Task.Delay(100, Token));
        }

        await receiving;
    }

    private static Socket Bind()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 20, SendBufferSize = 1 << 20 };
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }

    /// <summary>Asks until an answer comes: a datagram may be lost. Answers to what was asked before are not taken for it.</summary>
    private async Task<byte[]> AskAsync(Socket client, byte[] question)
    {
        byte[] buffer = new byte[ushort.MaxValue];
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
        patience.CancelAfter(ForwardingRig.Patience);
        while (true)
        {
            await client.SendAsync(question, Token);
            using var again = CancellationTokenSource.CreateLinkedTokenSource(patience.Token);
            again.CancelAfter(TimeSpan.FromSeconds(2));
            try
            {
                while (true)
                {
                    int count = await client.ReceiveAsync(buffer, again.Token);
                    if (buffer.AsSpan(0, count).SequenceEqual(question)) return buffer[..count];
                }
            }
            catch (OperationCanceledException) when (!patience.IsCancellationRequested)
            {
                _again++;
            }
        }
    }

    /// <summary>The target says something on a flow, once more where it was lost, until the client has heard it.</summary>
    private async Task HearAsync(Socket client, EndPoint flow, byte[] words)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Token);
        patience.CancelAfter(ForwardingRig.Patience);
        byte[] buffer = new byte[ushort.MaxValue];
        while (true)
        {
            await _server.SendToAsync(words, flow, patience.Token);
            using var again = CancellationTokenSource.CreateLinkedTokenSource(patience.Token);
            again.CancelAfter(TimeSpan.FromSeconds(2));
            try
            {
                while (!buffer.AsSpan(0, await client.ReceiveAsync(buffer, again.Token)).SequenceEqual(words))
                {
                    // Something that was said before.
                }

                return;
            }
            catch (OperationCanceledException) when (!patience.IsCancellationRequested)
            {
                // Lost on the way.
            }
        }
    }

    /// <summary>Destination Unreachable, Protocol Unreachable (RFC 792) about a datagram from one address to another: an error that no program expects of UDP.</summary>
    private static byte[] ProtocolUnreachable(IPEndPoint from, IPEndPoint to)
    {
        byte[] message = new byte[8 + 20 + 8];
        (message[0], message[1]) = (3, 2);
        var ip = message.AsSpan(8, 20);
        (ip[0], ip[3], ip[8], ip[9]) = (0x45, 28, 64, 17);
        from.Address.TryWriteBytes(ip[12..], out _);
        to.Address.TryWriteBytes(ip[16..], out _);
        var udp = message.AsSpan(28);
        BinaryPrimitives.WriteUInt16BigEndian(udp, (ushort)from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[2..], (ushort)to.Port);
        BinaryPrimitives.WriteUInt16BigEndian(udp[4..], 8);
        uint sum = 0;
        for (int i = 0; i < message.Length; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(message.AsSpan(i));
        sum = (sum & 0xFFFF) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), (ushort)~(sum + (sum >> 16)));
        return message;
    }

    private async Task<Socket> StartAsync()
    {
        await _rig.ShareAsync(Target);
        var client = Bind();
        await client.ConnectAsync(_rig.Forward(Target), Token);
        await _rig.ToBob.GetAsync(Token);
        return client;
    }

    private async Task EchoAsync()
    {
        byte[] buffer = new byte[ushort.MaxValue];
        try
        {
            while (true)
            {
                var from = await _server.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                _echoed = from.RemoteEndPoint;
                await _server.SendToAsync(buffer.AsMemory(0, from.ReceivedBytes), from.RemoteEndPoint, _stop.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }
}
