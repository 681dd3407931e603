using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

/// <summary>Messages in a TCP stream, against a plain socket at the other end.</summary>
public sealed class TcpConnectionTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 7)]
    [InlineData(3, 1_500)]
    [InlineData(4, 200_000)]
    public async Task Messages_are_found_however_the_stream_is_cut(int seed, int longestPiece)
    {
        var random = new Random(seed);
        int longest = Math.Min(MessageFrames.MaxMessage, longestPiece * 100);
        byte[][] messages = [.. Enumerable.Range(0, 100).Select(i => Bytes(random, i % 9 == 0 ? 0 : random.Next(1, longest)))];
        await CrossAsync(MessageFraming.LengthPrefixed, messages, longestPiece, random);
    }

    [Fact]
    public async Task The_longest_message_crosses()
    {
        var random = new Random(1);
        await CrossAsync(MessageFraming.LengthPrefixed, [Bytes(random, MessageFrames.MaxMessage), Bytes(random, MessageFrames.MaxMessage)], 10_000, random);
    }

    [Fact]
    public async Task Thousands_of_short_messages_that_come_at_once_are_all_found()
    {
        var random = new Random(1);
        await CrossAsync(MessageFraming.LengthPrefixed, [.. Enumerable.Range(0, 5_000).Select(i => Bytes(random, i % 3))], 1_000_000, random);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(30)]
    [InlineData(100_000)]
    public async Task Stun_messages_are_found_however_the_stream_is_cut(int longestPiece)
    {
        var random = new Random(longestPiece);
        await CrossAsync(MessageFraming.Stun, [.. Enumerable.Range(0, 100).Select(_ => StunMessage(random, 4 * random.Next(50)))], longestPiece, random);
    }

    [Fact]
    public async Task A_defect_while_receiving_ends_the_connection_and_is_seen()
    {
        var inbox = new FaultyInbox { IsBatchRefused = true };
        var (connection, raw, running) = await RunAsync(inbox);
        using (raw)
        {
            await raw.SendAsync(new byte[] { 0, 1, 7 }, Token);

            await ExpectDefectAsync(inbox, connection, running);
            await ExpectResetAsync(raw);
        }
    }

    [Fact]
    public async Task A_defect_while_sending_ends_the_connection_and_is_seen()
    {
        var inbox = new FaultyInbox { IsWritableRefused = true };
        var (connection, raw, running) = await RunAsync(inbox);
        using (raw)
        {
            byte[] message = new byte[60_000];
            while (!connection.IsCongested) connection.Send(default, message, message.Length);
            byte[] buffer = new byte[1 << 20];
            try
            {
                while (await raw.ReceiveAsync(buffer, Token) > 0);
            }
            catch (SocketException)
            {
                // The reset.
            }

            await ExpectDefectAsync(inbox, connection, running);
        }
    }

    [Theory]
    [InlineData(MessageFraming.LengthPrefixed, "FDE9")] // 65,001 bytes, one more than any message has
    [InlineData(MessageFraming.LengthPrefixed, "FFFF00")]
    [InlineData(MessageFraming.Stun, "80")] // no STUN type
    [InlineData(MessageFraming.Stun, "000100000000")] // a length that is right, a cookie that is not
    [InlineData(MessageFraming.Stun, "00010003")] // a length that is no multiple of four
    [InlineData(MessageFraming.Stun, "0001FFFC")] // longer than any message
    public async Task What_is_no_message_ends_the_connection(MessageFraming framing, string stream)
    {
        await using var host = new TcpHost();
        var (_, raw) = await host.RawAsync(framing);
        using (raw)
        {
            await raw.SendAsync(Convert.FromHexString(stream.PadRight(16, '0')), Token);
            Assert.Equal(SocketFailure.Protocol, (await host.Inbox.NextEventAsync<SocketEvent.Failed>()).Reason);
            await ExpectResetAsync(raw);
        }
    }

    [Fact]
    public async Task What_came_before_a_broken_message_is_delivered()
    {
        await using var host = new TcpHost();
        var (_, raw) = await host.RawAsync();
        using (raw)
        {
            await raw.SendAsync(new byte[] { 0, 1, 7, 0xFF, 0xFF }, Token);
            Assert.Equal([7], (await host.Inbox.NextDatagramAsync()).Bytes);
            await host.Inbox.NextEventAsync<SocketEvent.Failed>();
        }
    }

    [Theory]
    [InlineData(MessageFraming.LengthPrefixed, "0003010203000304050600020708")]
    [InlineData(MessageFraming.Stun, "0102030405060708")]
    public async Task What_is_sent_has_the_form_that_was_asked_for(MessageFraming framing, string expected)
    {
        await using var host = new TcpHost();
        var (socket, raw) = await host.RawAsync(framing);
        using (raw)
        {
            socket.Send(default, new byte[] { 1, 2, 3, 4, 5, 6, 7, 8 }, 3);
            byte[] received = new byte[expected.Length / 2];
            await ReceiveAsync(raw, received);
            Assert.Equal(expected, Convert.ToHexString(received));
        }
    }

    [Fact]
    public async Task Who_does_not_read_makes_the_connection_congested_and_reading_makes_it_writable_and_nothing_is_lost()
    {
        await using var host = new TcpHost();
        var (socket, raw) = await host.RawAsync();
        using (raw)
        {
            for (int round = 0; round < 3; round++)
            {
                int sent = SendUntilCongested(host, socket);
                await host.Inbox.NextEventAsync<SocketEvent.Congested>();
                var writable = host.Inbox.NextEventAsync<SocketEvent.Writable>();
                for (int i = 0; i < sent; i++)
                {
                    byte[] frame = new byte[MessageFrames.PrefixSize + 60_000];
                    await ReceiveAsync(raw, frame);
                    Assert.Equal((60_000, i), (BinaryPrimitives.ReadUInt16BigEndian(frame), BinaryPrimitives.ReadInt32LittleEndian(frame.AsSpan(2))));
                }

                await writable;
            }
        }
    }

    [Fact]
    public async Task A_machine_that_writes_on_and_on_is_cut()
    {
        await using var host = new TcpHost();
        var (socket, raw) = await host.RawAsync();
        using (raw)
        {
            byte[] message = new byte[60_000];
            for (int i = 0; i < 10_000 && !socket.Closed.IsCompleted; i++) socket.Send(default, message, message.Length);
            await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
            await host.Inbox.NextEventAsync<SocketEvent.Congested>();
            var last = await host.Inbox.NextEventAsync<SocketEvent>();
            while (last is SocketEvent.Congested or SocketEvent.Writable) last = await host.Inbox.NextEventAsync<SocketEvent>(); // the system took some more meanwhile
            Assert.Equal(SocketFailure.Closed, Assert.IsType<SocketEvent.Failed>(last).Reason);
        }
    }

    [Fact]
    public async Task A_machine_that_keeps_everything_stops_the_reading()
    {
        var hoarder = new HoardingInbox();
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var remote = TransportAddress.FromEndPoint((IPEndPoint)listener.LocalEndpoint);
        var socket = new RealNetwork().Open(new SocketRequest.TcpConnect(new SocketId(1), TcpHost.Loopback, remote, default), hoarder);
        using var raw = await listener.AcceptSocketAsync(Token);
        byte[] frame = Framed(new byte[60_000]);
        var flood = Task.Run(async () =>
        {
            for (int sent = 0; sent < 2_000; sent++) await raw.SendAsync(frame, Token);
        }, Token);
        for (int i = 0; i < MessageBuffers.PerConnection; i++) Assert.True(await hoarder.Arrived.WaitAsync(CollectingInbox.Patience, Token));
        Assert.False(await hoarder.Arrived.WaitAsync(TimeSpan.FromMilliseconds(500), Token));
        Assert.False(flood.IsCompleted);
        socket.Close(abortive: true);
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
        await Assert.ThrowsAsync<SocketException>(() => flood);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task When_the_other_side_closes_or_resets_the_machine_is_told(bool resets)
    {
        await using var host = new TcpHost();
        var (socket, raw) = await host.RawAsync();
        if (resets) raw.Close(0);
        else raw.Dispose();
        Assert.Equal(SocketFailure.Closed, (await host.Inbox.NextEventAsync<SocketEvent.Failed>()).Reason);
        await socket.Closed.WaitAsync(CollectingInbox.Patience, Token);
        socket.Send(default, new byte[] { 1 }, 1); // into nothing
        socket.Close(abortive: false);
        Assert.Equal(0, host.Inbox.Events);
    }

    private static int SendUntilCongested(TcpHost host, INetworkSocket socket)
    {
        byte[] message = new byte[60_000];
        int sent = 0;
        while (host.Inbox.Events == 0 && sent < 1_000)
        {
            BinaryPrimitives.WriteInt32LittleEndian(message, sent++);
            socket.Send(default, message, message.Length);
        }

        return sent;
    }

    private static async Task CrossAsync(MessageFraming framing, byte[][] messages, int longestPiece, Random random)
    {
        await using var host = new TcpHost();
        var (_, raw) = await host.RawAsync(framing);
        using (raw)
        {
            byte[] stream = [.. messages.SelectMany(message => framing == MessageFraming.Stun ? message : Framed(message))];
            var sending = Task.Run(async () =>
            {
                for (int i = 0, size; i < stream.Length; i += size)
                {
                    size = Math.Min(stream.Length - i, random.Next(1, longestPiece + 1));
                    await raw.SendAsync(stream.AsMemory(i, size), Token);
                }
            });
            foreach (byte[] message in messages.Where(static message => message.Length > 0)) Assert.Equal(message, (await host.Inbox.NextDatagramAsync()).Bytes);
            await sending;
            Assert.Equal((0, 0), (host.Inbox.Datagrams, host.Inbox.Events));
        }
    }

    private static byte[] Framed(byte[] message)
    {
        byte[] prefix = new byte[MessageFrames.PrefixSize];
        BinaryPrimitives.WriteUInt16BigEndian(prefix, (ushort)message.Length);
        return [.. prefix, .. message];
    }

    private static byte[] StunMessage(Random random, int bodyLength)
    {
        // RFC 8489 section 5: two zero bits, a type, a length, the cookie, 12 bytes of transaction id.
        byte[] message = Bytes(random, 20 + bodyLength);
        message[0] &= 0x3F;
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), (ushort)bodyLength);
        BinaryPrimitives.WriteUInt32BigEndian(message.AsSpan(4), 0x2112A442);
        return message;
    }

    private static byte[] Bytes(Random random, int length)
    {
        byte[] bytes = new byte[length];
        random.NextBytes(bytes);
        return bytes;
    }

    private static async Task ReceiveAsync(Socket raw, byte[] buffer)
    {
        for (int count = 0; count < buffer.Length;)
        {
            int received = await raw.ReceiveAsync(buffer.AsMemory(count), Token).AsTask().WaitAsync(CollectingInbox.Patience, Token);
            Assert.NotEqual(0, received);
            count += received;
        }
    }

    private static async Task ExpectResetAsync(Socket raw)
    {
        var exception = await Assert.ThrowsAsync<SocketException>(() => raw.ReceiveAsync(new byte[1], Token).AsTask().WaitAsync(CollectingInbox.Patience, Token));
        Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
    }

    /// <summary>A connection that the test runs itself, and the plain socket at its other end.</summary>
    private static async Task<(TcpConnection Connection, Socket Raw, Task Running)> RunAsync(FaultyInbox inbox)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var raw = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await raw.ConnectAsync(listener.LocalEndpoint, Token);
        var accepted = await listener.AcceptSocketAsync(Token);
        var connection = new TcpConnection(new SocketId(1), MessageFraming.LengthPrefixed, inbox);
        connection.Attach(accepted);
        Assert.True(connection.TryOpen());
        return (connection, raw, connection.RunAsync(accepted, TransportAddress.FromEndPoint((IPEndPoint)accepted.RemoteEndPoint!)));
    }

    private static async Task ExpectDefectAsync(FaultyInbox inbox, TcpConnection connection, Task running)
    {
        await connection.Closed.WaitAsync(CollectingInbox.Patience, Token);
        Assert.Same(inbox.Defect, await Assert.ThrowsAsync<InvalidTimeZoneException>(() => running));
        Assert.Equal(connection.Id, Assert.Single(inbox.Failures).Socket);
    }

    /// <summary>An inbox with a defect of a kind that nobody expects.</summary>
    private sealed class FaultyInbox : TestInbox
    {
        public InvalidTimeZoneException Defect { get; } = new();

        public ConcurrentQueue<SocketEvent.Failed> Failures { get; } = new();

        public bool IsBatchRefused { get; init; }

        public bool IsWritableRefused { get; init; }

        public override void Deliver(ReceiveBatch batch)
        {
            batch.Release();
            if (IsBatchRefused) throw Defect;
        }

        public override void Deliver(SocketEvent socketEvent)
        {
            if (socketEvent is SocketEvent.Writable && IsWritableRefused) throw Defect;
            if (socketEvent is SocketEvent.Failed failed) Failures.Enqueue(failed);
        }
    }

    private sealed class HoardingInbox : TestInbox
    {
        public SemaphoreSlim Arrived { get; } = new(0);

        public override void Deliver(ReceiveBatch batch) => Arrived.Release();

        public override void Deliver(SocketEvent socketEvent)
        {
        }
    }
}
