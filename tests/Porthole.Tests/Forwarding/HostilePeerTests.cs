using System.Net;
using System.Net.Sockets;
using Porthole.Forwarding;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;
using Porthole.Tests.Runtime;

namespace Porthole.Tests.Forwarding;

/// <summary>A peer that is let in, and means harm to the sharer.</summary>
public sealed class HostilePeerTests : IAsyncLifetime
{
    private readonly Socket _udp = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp) { ReceiveBufferSize = 1 << 20 };
    private readonly Socket _listener = ForwardingRig.Listen();
    private readonly ManualTimeProvider _clock = new();
    private ForwardingRig _rig = null!;
    private PeerConnection _connection = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ForwardTarget Udp => ForwardingRig.Udp(((IPEndPoint)_udp.LocalEndPoint!).Port);

    public async ValueTask InitializeAsync()
    {
        _udp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _rig = await ForwardingRig.StartAsync();
        await _rig.ShareAsync([new SharedPort(Udp), new SharedPort(ForwardingRig.Tcp(_listener))], new PortSharerOptions { MaxFlows = 16, TimeProvider = _clock });
        _connection = await _rig.ToBob.GetAsync(Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _rig.DisposeAsync();
        _udp.Dispose();
        _listener.Dispose();
    }

    [Theory]
    [InlineData("")] // no preamble at all
    [InlineData("FF0102")]
    [InlineData("0120")]
    [InlineData("11" + "706F7274686F6C652D66696C65732F31")] // cut off
    public async Task What_is_no_forwarding_is_given_up(string hex)
    {
        byte[] bytes = hex.Length == 0 ? [0] : Convert.FromHexString(hex);
        await IsGivenUpAsync(bytes, complete: true);
        await StillServesAsync();
    }

    [Theory]
    [InlineData("000000001600")] // no kind
    [InlineData("0100000000" + "00")] // port 0
    [InlineData("0200000035" + "00")] // UDP without an association
    [InlineData("0100000016" + "FF")] // a name of 255 bytes
    [InlineData("0100000016" + "02" + "2F2F")] // of letters that no name has
    public async Task A_request_that_makes_no_sense_is_given_up(string hex)
    {
        await IsGivenUpAsync([.. StreamPreamble.Write(StreamPreamble.Forwarding), .. Convert.FromHexString(hex), .. new byte[300]], complete: false);
        await StillServesAsync();
    }

    [Fact]
    public async Task Who_asks_for_nothing_in_time_is_given_up()
    {
        await using var stream = await _connection.OpenStreamAsync(StreamPreamble.Forwarding, Token);
        await stream.WriteAsync(new byte[ForwardRequest.HeadSize - 1], Token);
        var reading = stream.ReadAsync(new byte[1], Token).AsTask();
        await ForwardingRig.EventuallyAsync(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(10)); // whenever it began to wait
            return reading.IsCompleted;
        });
        Assert.Equal(PeerError.StreamAborted, (await Assert.ThrowsAsync<PeerException>(() => reading)).Error);
        await StillServesAsync();
    }

    [Fact]
    public async Task A_flood_of_flows_takes_as_many_sockets_as_a_peer_may_have()
    {
        await using var stream = await AssociateAsync(1);
        byte[] buffer = new byte[ForwardDatagram.MaxSize];
        for (uint flow = 0; flow < 5_000; flow++)
        {
            Send(buffer, 1, flow, [1]);
            Send(buffer, 2, flow, [2]); // nobody asked for that
            if (flow % 50 == 0) await Task.Yield();
        }

        var seen = await ReceiveUntilAsync(buffer, 9);
        Assert.DoesNotContain((byte)2, seen);
        Assert.InRange(Flows(), 1, 16);
        await StillServesAsync();
    }

    [Fact]
    public async Task Flows_of_a_second_connection_take_the_places_of_those_of_the_first()
    {
        await using var stream = await AssociateAsync(1);
        byte[] buffer = new byte[ForwardDatagram.MaxSize];
        await ForwardingRig.EventuallyAsync(() =>
        {
            for (uint flow = 0; flow < 16; flow++) Send(buffer, 1, flow, [1]);
            return Flows() == 16;
        });
        await ReceiveUntilAsync(buffer, 9, flow: 0); // and with it whatever was sent twice
        await using var other = await _rig.Alice.ConnectAsync("bob", Token);
        await using var second = await ForwardStream.OpenAsync(other, new ForwardRequest(Udp, 1), Token);
        Assert.Equal(ForwardStatus.Connected, (await ForwardStream.ReadAnswerAsync(other, second, Token).WaitAsync(ForwardingRig.Patience, Token)).Status);
        await ForwardingRig.EventuallyAsync(() =>
        {
            for (uint flow = 0; flow < 8; flow++) other.SendDatagram(buffer.AsSpan(0, ForwardDatagram.Write(buffer, 1, flow, 0, [2], 0)));
            return _rig.Shared.OfType<ForwardingEvent.Closed>().Count() == 8;
        });
        await ForwardingRig.EventuallyAsync(() => Flows() == 16); // a flow that takes a place is told of behind the one that had it
        Assert.All(_rig.Shared.OfType<ForwardingEvent.Closed>(), closed => Assert.Equal(_rig.Shared.OfType<ForwardingEvent.Connected>().First().Connection, closed.Connection));
        await other.DisposeAsync();
        await ForwardingRig.EventuallyAsync(() => Flows() == 8);
    }

    [Fact]
    public async Task Pieces_that_are_never_whole_reach_nobody_and_stop_nobody()
    {
        await using var stream = await AssociateAsync(1);
        byte[] buffer = new byte[ForwardDatagram.MaxSize];
        byte[] longest = new byte[ForwardDatagram.MaxPayload];
        for (int i = 0; i < 5_000; i++)
        {
            _connection.SendDatagram(buffer.AsSpan(0, ForwardDatagram.Write(buffer, 1, 1, (ushort)i, longest, i % ForwardDatagram.MaxPieces)));
            if (i % 50 == 0) await Task.Yield();
        }

        var random = new Random(1);
        for (int i = 0; i < 1_000; i++)
        {
            random.NextBytes(buffer);
            (buffer[0], buffer[1], buffer[2]) = (2, 0, 1); // nearly a piece
            _connection.SendDatagram(buffer.AsSpan(0, random.Next(1, buffer.Length)));
        }

        Assert.Equal([(byte)9], await ReceiveUntilAsync(buffer, 9));
        await StillServesAsync();
    }

    [Fact]
    public async Task A_number_of_an_association_is_taken_once()
    {
        await using var stream = await AssociateAsync(1);
        Assert.Equal(ForwardStatus.LimitReached, await AskAsync(1));
        await stream.DisposeAsync();
        using var patience = new CancellationTokenSource(ForwardingRig.Patience);
        while (await AskAsync(1) != ForwardStatus.Connected) patience.Token.ThrowIfCancellationRequested(); // free again as soon as the end has come there
    }

    [Fact]
    public async Task A_peer_may_have_so_many_UDP_ports_on_a_connection_and_no_more()
    {
        const int Most = 256;
        var streams = new List<PeerStream>();
        for (ushort number = 1; number <= Most; number++) streams.Add(await AssociateAsync(number));
        Assert.Equal(ForwardStatus.LimitReached, await AskAsync(Most + 1));
        foreach (var stream in streams) await stream.DisposeAsync();
    }

    [Fact]
    public async Task Who_asks_for_a_UDP_port_again_and_again_is_told_of_once()
    {
        await using var stream = await AssociateAsync(1);
        for (int i = 0; i < 5; i++)
        {
            await using var again = await ForwardStream.OpenAsync(_connection, new ForwardRequest(Udp, 1), Token);
            Assert.Equal(ForwardStatus.LimitReached, (await ForwardStream.ReadAnswerAsync(_connection, again, Token).WaitAsync(ForwardingRig.Patience, Token)).Status);
        }

        Assert.Single(_rig.Shared.OfType<ForwardingEvent.Refused>());
    }

    private async Task<ForwardStatus> AskAsync(ushort number)
    {
        await using var stream = await ForwardStream.OpenAsync(_connection, new ForwardRequest(Udp, number), Token);
        return (await ForwardStream.ReadAnswerAsync(_connection, stream, Token).WaitAsync(ForwardingRig.Patience, Token)).Status;
    }

    private async Task<PeerStream> AssociateAsync(ushort number)
    {
        var stream = await ForwardStream.OpenAsync(_connection, new ForwardRequest(Udp, number), Token);
        Assert.Equal(ForwardStatus.Connected, (await ForwardStream.ReadAnswerAsync(_connection, stream, Token).WaitAsync(ForwardingRig.Patience, Token)).Status);
        return stream;
    }

    private async Task IsGivenUpAsync(byte[] bytes, bool complete)
    {
        await using var stream = await _connection.OpenStreamAsync(Token);
        await stream.WriteAsync(bytes, Token);
        if (complete) stream.CompleteWrites();
        var error = await Assert.ThrowsAsync<PeerException>(() => stream.ReadAsync(new byte[1], Token).AsTask().WaitAsync(ForwardingRig.Patience, Token));
        Assert.Equal((PeerError.StreamAborted, ForwardingCodes.NotForwarding), (error.Error, error.Code));
    }

    /// <summary>How many flows there are, by what was told until one moment.</summary>
    private int Flows()
    {
        var told = _rig.Shared.ToArray();
        return told.OfType<ForwardingEvent.Connected>().Count() - told.OfType<ForwardingEvent.Closed>().Count();
    }

    private void Send(byte[] buffer, ushort association, uint flow, byte[] payload) =>
        _connection.SendDatagram(buffer.AsSpan(0, ForwardDatagram.Write(buffer, association, flow, 0, payload, 0)));

    /// <summary>What arrives at the target until a mark does, which is sent until it arrives: datagrams may be lost.</summary>
    private async Task<HashSet<byte>> ReceiveUntilAsync(byte[] buffer, byte mark, uint flow = uint.MaxValue)
    {
        var seen = new HashSet<byte>();
        byte[] taken = new byte[ushort.MaxValue];
        await ForwardingRig.EventuallyAsync(() =>
        {
            Send(buffer, 1, flow, [mark]);
            while (_udp.Available > 0 && _udp.Receive(taken) > 0) seen.Add(taken[0]);
            return seen.Contains(mark);
        });
        return seen;
    }

    private async Task StillServesAsync()
    {
        await using var stream = await ForwardStream.OpenAsync(_connection, new ForwardRequest(ForwardingRig.Tcp(_listener), 0), Token);
        Assert.Equal(ForwardStatus.Connected, (await ForwardStream.ReadAnswerAsync(_connection, stream, Token).WaitAsync(ForwardingRig.Patience, Token)).Status);
        (await _listener.AcceptAsync(Token)).Dispose();
    }
}
