using System.Text;
using Porthole.Protocol.PortMapping;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.PortMapping;

/// <summary>A mapper with one host address and one gateway, by hand: what it sends and asks for is kept, time is moved as the test likes.</summary>
internal sealed class MapperBench
{
    public static readonly TransportAddress Gateway = TransportAddress.Parse("192.168.1.1:0");
    public static readonly TransportAddress Local = TransportAddress.Parse("192.168.1.10:8900");

    private int _sockets;

    public MapperBench()
    {
        Mapper = new PortMapper(new TestEntropy(1), () => new SocketId(++_sockets));
    }

    public PortMapper Mapper { get; }

    public Instant Now { get; private set; }

    /// <summary>What was sent, with the time.</summary>
    public List<(Instant At, TransportAddress To, byte[] Bytes)> Sent { get; } = [];

    public List<SocketRequest> Requests { get; } = [];

    public List<PortMapperEvent> Events { get; } = [];

    public SocketRequest.HttpAsk? Asked { get; private set; }

    public IEnumerable<byte[]> SentTo(int port) => Sent.Where(sent => sent.To.Port == port).Select(static sent => sent.Bytes);

    public IEnumerable<double> TimesTo(int port, byte version) => Sent.Where(sent => sent.To.Port == port && sent.Bytes[0] == version).Select(static sent => (sent.At - Instant.Zero).TotalMilliseconds);

    /// <summary>Wants a port of UDP, and opens the socket that is asked for.</summary>
    public MapperBench Start(params PortWish[] wishes)
    {
        Mapper.SetNetwork(Now, [Local.Host], [Gateway]);
        Mapper.Want(Now, wishes is [] ? [new PortWish(Local, Transports.Udp)] : wishes);
        Drain();
        return this;
    }

    /// <summary>Lets time pass, deadline by deadline.</summary>
    public void Pass(TimeSpan time)
    {
        var end = Now + time;
        while (Mapper.NextDeadline is { } due && due <= end)
        {
            Now = Instant.Max(Now, due);
            Mapper.HandleDeadline(Now);
            Drain();
        }

        Now = end;
    }

    public void PassSeconds(double seconds) => Pass(TimeSpan.FromSeconds(seconds));

    /// <summary>The gateway says something, by default from the port of PCP and NAT-PMP.</summary>
    public void Say(byte[] bytes, int port = GatewayCodec.ServerPort, TransportAddress? from = null)
    {
        Mapper.HandleDatagram(Now, new SocketId(1), (from ?? Gateway).WithPort((ushort)port), bytes);
        Drain();
    }

    public void Say(string hex) => Say(Convert.FromHexString(hex));

    /// <summary>The gateway answers the search.</summary>
    public void SayHere(string? answer = null) => Say(Encoding.ASCII.GetBytes(answer ?? UpnpSamples.SearchAnswer), 1900);

    /// <summary>The gateway's web server answers what it was asked last.</summary>
    public void Answer(string body, int status = 200)
    {
        var asked = Asked ?? throw new InvalidOperationException("nothing is asked");
        Asked = null;
        Assert.True(Mapper.HandleSocketEvent(Now, new SocketEvent.HttpAnswered(asked.Socket, status, Encoding.UTF8.GetBytes(body))));
        Drain();
    }

    public void FailHttp(string detail)
    {
        var asked = Asked ?? throw new InvalidOperationException("nothing is asked");
        Asked = null;
        Assert.True(Mapper.HandleSocketEvent(Now, new SocketEvent.Failed(asked.Socket, SocketFailure.Protocol, detail)));
        Drain();
    }

    /// <summary>The gateway is found by UPnP, and asked for the first mapping.</summary>
    public MapperBench FindUpnp(string? description = null)
    {
        Start();
        PassSeconds(0.1);
        SayHere();
        Answer(description ?? UpnpSamples.Description);
        Answer(UpnpSamples.Answer(UpnpAction.GetExternalAddress, "<NewExternalIPAddress>203.0.113.1</NewExternalIPAddress>"));
        PassSeconds(0.5);
        return this;
    }

    public string Failure() => Assert.Single(Events.OfType<PortMapperEvent.Failed>()).Line;

    public void Drain()
    {
        byte[] memory = new byte[4_096];
        while (true)
        {
            var writer = new DatagramBatchWriter(memory);
            if (!Mapper.TryWrite(Now, ref writer)) break;
            Sent.Add((Now, writer.Remote, writer.Written.ToArray()));
        }

        bool isOpened = false;
        while (Mapper.TryTakeRequest(out var request))
        {
            Requests.Add(request);
            if (request is SocketRequest.HttpAsk ask) Asked = ask;
            if (request is SocketRequest.Close close && close.Socket == Asked?.Socket) Asked = null;
            if (request is not SocketRequest.UdpBind bind) continue;
            isOpened = Mapper.HandleSocketEvent(Now, new SocketEvent.Opened(bind.Socket, bind.Local.WithPort(40_000), default));
        }

        while (Mapper.TryTakeEvent(out var mapperEvent)) Events.Add(mapperEvent);
        if (isOpened) Drain();
    }
}
