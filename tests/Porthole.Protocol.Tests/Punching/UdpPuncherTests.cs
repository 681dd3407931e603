using Porthole.Protocol.Punching;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Punching;

/// <summary>The bare UDP puncher alone: what leaves it, and what somebody can make it do. Whole punches are in Porthole.Scenarios.</summary>
public sealed class UdpPuncherTests
{
    private static readonly SocketId s_socket = new(1);
    private static readonly TransportAddress s_mapped = TransportAddress.Parse("203.0.113.7:5000");
    private static readonly UdpPunchOptions s_options = new() { Cookie = "a cookie"u8.ToArray() };

    [Fact]
    public void An_opener_leaves_ahead_of_the_first_try_and_alone_has_its_time_to_live()
    {
        var puncher = new UdpPuncher(s_options with { OpenerTimeToLive = 3 }, s_socket, s_mapped, new TestEntropy(1));
        puncher.Start(Instant.Zero);
        Assert.Equal([(s_mapped, 3)], Drain(puncher, Instant.Zero));
        Assert.Equal(Instant.Zero + UdpPuncher.Pace, puncher.NextDeadline);
        Assert.False(puncher.TryTakeEvent(out _));
        puncher.HandleDeadline(puncher.NextDeadline!.Value);
        Assert.Equal([(s_mapped, null)], Drain(puncher, Instant.Zero + UdpPuncher.Pace));
        Assert.True(puncher.TryTakeEvent(out var tried));
        Assert.Equal(new UdpPunchEvent.Tried(1), tried);
    }

    [Fact]
    public void Another_host_is_not_answered_whatever_it_knows()
    {
        var puncher = Start();
        Receive(puncher, TransportAddress.Parse("203.0.113.8:5000"), new PunchMessage(PunchMessageKind.Probe, 99, 0, 1, 0));
        Assert.Empty(Drain(puncher, Instant.Zero));
        Assert.Equal(UdpPunchState.Probing, puncher.State);
    }

    [Fact]
    public void Ever_new_ports_of_the_right_host_make_eight_targets_and_no_more_answers_than_questions()
    {
        var puncher = Start();
        int sent = 0;
        for (int port = 1; port <= 1_000; port++)
        {
            Receive(puncher, s_mapped.WithPort((ushort)(10_000 + port)), new PunchMessage(PunchMessageKind.Probe, 99, 0, (uint)port, 0));
            sent += Drain(puncher, Instant.Zero).Count;
        }

        Assert.True(sent <= 2 * UdpPuncher.MaxTargets, $"{sent} packets"); // an answer and a probe to each
        var now = Instant.Zero + UdpPuncher.Pace;
        puncher.HandleDeadline(now);
        Assert.Equal(UdpPuncher.MaxTargets, Drain(puncher, now).Count);
    }

    [Fact]
    public void An_answer_to_what_was_never_sent_there_opens_nothing()
    {
        var puncher = Start();
        ulong id = ReadId(puncher);
        for (uint answers = 0; answers < 300; answers++) Receive(puncher, s_mapped.WithPort(7_000), new PunchMessage(PunchMessageKind.Answer, 99, id, answers + 1, answers));
        Assert.Equal(UdpPunchState.Heard, puncher.State);
        Assert.Null(puncher.Chosen);
    }

    [Fact]
    public void Its_own_packets_come_back_are_nobody()
    {
        var puncher = new UdpPuncher(s_options, s_socket, s_mapped, new TestEntropy(1));
        puncher.Start(Instant.Zero);
        puncher.HandleDeadline(Instant.Zero);
        byte[] memory = new byte[PunchMessage.Size];
        var writer = new DatagramBatchWriter(memory);
        Assert.True(puncher.TryWrite(Instant.Zero, ref writer));
        Receive(puncher, s_mapped, memory);
        Assert.Equal(UdpPunchState.Probing, puncher.State);
        Assert.Empty(Drain(puncher, Instant.Zero));
    }

    private static UdpPuncher Start()
    {
        var puncher = new UdpPuncher(s_options, s_socket, s_mapped, new TestEntropy(1));
        puncher.Start(Instant.Zero);
        puncher.HandleDeadline(Instant.Zero);
        Drain(puncher, Instant.Zero);
        return puncher;
    }

    private static ulong ReadId(UdpPuncher puncher)
    {
        Receive(puncher, s_mapped.WithPort(6_000), new PunchMessage(PunchMessageKind.Probe, 99, 0, 1, 0));
        byte[] memory = new byte[PunchMessage.Size];
        var writer = new DatagramBatchWriter(memory);
        Assert.True(puncher.TryWrite(Instant.Zero, ref writer));
        Assert.True(PunchMessage.TryRead(memory, s_options.Cookie.Span, out var message));
        return message.Sender; // what is queued for others stays unsent
    }

    private static List<(TransportAddress Remote, int? TimeToLive)> Drain(UdpPuncher puncher, Instant now)
    {
        var sent = new List<(TransportAddress, int?)>();
        byte[] memory = new byte[PunchMessage.Size];
        while (true)
        {
            var writer = new DatagramBatchWriter(memory);
            if (!puncher.TryWrite(now, ref writer)) return sent;
            sent.Add((writer.Remote, puncher.TimeToLive));
        }
    }

    private static void Receive(UdpPuncher puncher, TransportAddress remote, PunchMessage message)
    {
        byte[] bytes = new byte[PunchMessage.Size];
        message.Write(bytes, s_options.Cookie.Span);
        Receive(puncher, remote, bytes);
    }

    private static void Receive(UdpPuncher puncher, TransportAddress remote, byte[] bytes)
    {
        var datagram = new ReceivedDatagram(s_socket, remote, 0, bytes.Length);
        puncher.HandleDatagrams(Instant.Zero, new DatagramBatch(bytes, new ReadOnlySpan<ReceivedDatagram>(in datagram)));
    }
}
