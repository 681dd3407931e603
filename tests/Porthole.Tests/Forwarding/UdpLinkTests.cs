using System.Net.Sockets;
using Porthole.Forwarding;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Rendezvous;
using Porthole.Tests.Runtime;

namespace Porthole.Tests.Forwarding;

/// <summary>A UDP port of a forwarder and a sharer that is written by hand: what is asked for again, and what is said about it.</summary>
public sealed class UdpLinkTests : IAsyncLifetime
{
    private readonly ManualTimeProvider _clock = new();
    private readonly Socket _client = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    private ForwardingRig _rig = null!;
    private PeerConnection _sharing = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _rig = await ForwardingRig.StartAsync();
        var bob = await _rig.Peers.StartAsync("bob", AcceptPolicy.Anyone, static options => options with { Session = ForwardingSession.Options });
        await _client.ConnectAsync(_rig.Forward(ForwardingRig.Udp(53), new PortForwarderOptions { TimeProvider = _clock, AnswerTimeout = TimeSpan.FromDays(1), FlowTimeout = TimeSpan.FromDays(1) }), Token);
        _sharing = await bob.AcceptAsync(Token).AsTask().WaitAsync(ForwardingRig.Patience, Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _rig.DisposeAsync();
        _client.Dispose();
    }

    [Fact]
    public async Task A_port_that_cannot_be_had_is_asked_for_again_and_each_reason_is_told_once()
    {
        foreach (var answer in (ForwardAnswer[])[Unknown, Unknown, Unknown, new(ForwardStatus.TimedOut, "late"), new(ForwardStatus.TimedOut, "late")]) await (await AnswerAsync(answer)).DisposeAsync();
        await using var stream = await AnswerAsync(new ForwardAnswer(ForwardStatus.Connected));
        await ArrivesAsync(1);
        Assert.Equal([ForwardStatus.Unreachable, ForwardStatus.TimedOut], _rig.Forwarded.OfType<ForwardingEvent.Refused>().Select(static refused => refused.Status));
        Assert.Empty(_rig.Unconnected);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_port_whose_stream_has_ended_while_the_connection_lives_is_asked_for_again(bool inOrder)
    {
        var first = await AnswerAsync(new ForwardAnswer(ForwardStatus.Connected));
        await ArrivesAsync(1);
        if (inOrder) await first.DisposeAsync();
        else first.Abort(ForwardingCodes.Reset);
        await using var second = await AnswerAsync(new ForwardAnswer(ForwardStatus.Connected));
        await ArrivesAsync(2);
        Assert.Equal(inOrder ? 0 : 1, _rig.Unconnected.Count);
    }

    [Fact]
    public async Task What_is_not_shared_is_not_asked_for_again()
    {
        await (await AnswerAsync(new ForwardAnswer(ForwardStatus.NotShared, "no"))).DisposeAsync();
        await ForwardingRig.EventuallyAsync(() => _rig.Forwarded.OfType<ForwardingEvent.Refused>().Any());
        var next = _sharing.AcceptStreamAsync(Token).AsTask();
        for (int i = 0; i < 100; i++)
        {
            _clock.Advance(TimeSpan.FromMinutes(1));
            await Task.Yield();
        }

        // Whatever was asked for before this stream would have come before it.
        await using var mark = await _rig.ToBob.Current!.OpenStreamAsync("example-mark/1", Token);
        Assert.Equal("example-mark/1", await (await next.WaitAsync(ForwardingRig.Patience, Token)).ReadProtocolAsync(Token));
    }

    private static ForwardAnswer Unknown => new(ForwardStatus.Unreachable, "not known");

    /// <summary>Takes the next request, however long the forwarder waits with it.</summary>
    private async Task<PeerStream> AnswerAsync(ForwardAnswer answer)
    {
        var accepting = _sharing.AcceptStreamAsync(Token).AsTask();
        await ForwardingRig.EventuallyAsync(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            return accepting.IsCompleted;
        });
        var stream = await accepting;
        Assert.Equal(StreamPreamble.Forwarding, await stream.ReadProtocolAsync(Token));
        byte[] request = new byte[ForwardRequest.HeadSize];
        await stream.ReadExactlyAsync(request, Token);
        Assert.True(ForwardRequest.TryRead(request, out var read) && read.Target == ForwardingRig.Udp(53));
        await stream.WriteAsync(answer.Write(), Token);
        return stream;
    }

    /// <summary>Sends a datagram until it arrives: those that come while there is no link are lost.</summary>
    private async Task ArrivesAsync(byte mark)
    {
        var arriving = Task.Run(
            async () =>
            {
                byte[] buffer = new byte[ForwardDatagram.MaxSize];
                while (!IsMark(buffer.AsSpan(0, await _sharing.ReceiveDatagramAsync(buffer, Token)), mark))
                {
                    // One of those before.
                }
            },
            Token);
        await ForwardingRig.EventuallyAsync(() =>
        {
            _client.Send([mark]);
            return arriving.IsCompleted;
        });
        await arriving;
    }

    private static bool IsMark(ReadOnlySpan<byte> bytes, byte mark) => ForwardDatagram.TryRead(bytes, out var datagram) && datagram.Data is [var first] && first == mark;
}
