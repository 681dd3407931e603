using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Runtime;
using Porthole.Sockets;
using Porthole.Tests.Sockets;

namespace Porthole.Tests.Runtime;

/// <summary>A machine that says all it has in one go is told in the middle of it that a connection takes no more.</summary>
public sealed class CongestionTests
{
    // Far more than a connection holds before it is cut.
    private const int Total = 32 << 20;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_machine_that_stops_when_it_is_told_loses_nothing_and_is_not_cut_off()
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        var machine = new TalkativeMachine(TransportAddress.FromEndPoint((IPEndPoint)listener.LocalEndPoint!));
        await using var host = new MachineHost<TalkativeMachine>(machine, new RealNetwork(), new InstantClock(TimeProvider.System), static (_, _) => { });
        using var far = await listener.AcceptAsync(Token);
        await machine.Stopped.Task.WaitAsync(CollectingInbox.Patience, Token); // nobody reads yet
        byte[] buffer = new byte[1 << 20];
        for (int left = TalkativeMachine.Bytes; left > 0;)
        {
            int read = await far.ReceiveAsync(buffer, Token).AsTask().WaitAsync(CollectingInbox.Patience, Token);
            Assert.True(read > 0, "The connection ended early.");
            left -= read;
        }

        Assert.False(machine.Failed.Task.IsCompleted);
    }

    private sealed class TalkativeMachine(TransportAddress remote) : ISocketUser
    {
        private const int MessageSize = 16_000;
        private const int Messages = Total / MessageSize;

        private readonly SocketId _socket = new(1);
        private bool _asked;
        private bool _mayWrite;
        private int _written;

        /// <summary>All that it says, with the length before each message (RFC 4571).</summary>
        public static int Bytes => Messages * (MessageSize + sizeof(ushort));

        public TaskCompletionSource Stopped { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Failed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Instant? NextDeadline => null;

        public void HandleDatagrams(Instant now, in DatagramBatch batch)
        {
        }

        public void HandleDeadline(Instant now)
        {
        }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
        {
            if (!_mayWrite || _written == Messages) return false;
            _written++;
            writer.Begin(_socket, remote);
            Assert.True(writer.TryReserve(MessageSize, out var segment));
            segment.Clear();
            writer.Commit(MessageSize);
            return true;
        }

        public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request)
        {
            request = _asked ? null : new SocketRequest.TcpConnect(_socket, TcpHost.Loopback, remote, default, MessageFraming.LengthPrefixed);
            _asked = true;
            return request is not null;
        }

        public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
        {
            switch (socketEvent)
            {
                case SocketEvent.Opened or SocketEvent.Writable:
                    _mayWrite = true;
                    break;
                case SocketEvent.Congested:
                    _mayWrite = false;
                    Stopped.TrySetResult();
                    break;
                case SocketEvent.Failed:
                    Failed.TrySetResult();
                    break;
            }
        }
    }
}
