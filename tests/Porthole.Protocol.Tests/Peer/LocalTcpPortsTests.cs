using Porthole.Protocol.Peer;

namespace Porthole.Protocol.Tests.Peer;

public sealed class LocalTcpPortsTests
{
    private static readonly TransportAddress s_one = TransportAddress.Parse("192.168.1.10:8900"), s_other = TransportAddress.Parse("10.0.0.5:8900");

    private readonly LocalTcpPorts _ports = Create(anyPortInstead: true);

    [Fact]
    public void Each_address_gets_one_shared_listener()
    {
        _ports.SetAddresses([s_one, s_other]);

        var requests = Requests(_ports);
        Assert.Equal([s_one, s_other], requests.Cast<SocketRequest.TcpListen>().Select(static request => request.Local));
        Assert.All(requests, static request => Assert.True(((SocketRequest.TcpListen)request).Shared));
        Assert.False(_ports.IsSettled);
        foreach (var request in requests) _ports.HandleOpened(request.Socket, ((SocketRequest.TcpListen)request).Local);
        Assert.True(_ports.IsSettled);
        Assert.Equal(2, _ports.Open.Count());

        _ports.SetAddresses([s_one, s_other]);
        Assert.Empty(Requests(_ports));
    }

    [Fact]
    public void A_port_that_is_taken_gives_way_to_any_other()
    {
        _ports.SetAddresses([s_one]);
        _ports.TryTakeRequest(out var first);

        Assert.True(_ports.HandleFailed(first!.Socket, SocketFailure.InUse));

        var again = Assert.IsType<SocketRequest.TcpListen>(Assert.Single(Requests(_ports)));
        Assert.Equal(s_one.WithPort(0), again.Local);
        Assert.True(_ports.HandleFailed(again.Socket, SocketFailure.InUse)); // no port at all
        Assert.True(_ports.IsSettled);
        Assert.Empty(Requests(_ports));
    }

    [Fact]
    public void A_port_that_the_user_asked_for_gives_way_to_none_and_is_tried_again_when_the_network_changes()
    {
        var ports = Create(anyPortInstead: false);
        ports.SetAddresses([s_one]);
        ports.TryTakeRequest(out var first);

        Assert.False(ports.HandleFailed(first!.Socket, SocketFailure.InUse));
        ports.SetAddresses([s_one]);
        Assert.Empty(Requests(ports));

        ports.ForgetFailures();
        ports.SetAddresses([s_one]);
        Assert.Single(Requests(ports));
    }

    [Fact]
    public void What_is_gone_with_its_address_is_closed()
    {
        Listen(s_one, s_other);

        var gone = _ports.SetAddresses([s_other]);

        var request = Assert.IsType<SocketRequest.Close>(Assert.Single(Requests(_ports)));
        Assert.Equal(request.Socket, Assert.Single(gone));
    }

    [Fact]
    public void Fresh_ports_are_few_not_registered_and_closed_alone()
    {
        Listen(s_one);
        var standing = _ports.Open.Single().Listener;

        var fresh = Enumerable.Range(0, LocalTcpPorts.MaxFresh).Select(_ => _ports.OpenFresh(standing)!.Value).ToList();

        Assert.Null(_ports.OpenFresh(standing));
        Assert.True(_ports.IsSettled); // nobody waits for them
        Assert.All(Requests(_ports), static request => Assert.Equal(s_one.WithPort(0), ((SocketRequest.TcpListen)request).Local));
        _ports.HandleOpened(fresh[0], s_one.WithPort(40_000));
        Assert.Single(_ports.Open);
        _ports.CloseFresh(standing); // is none
        _ports.CloseFresh(fresh[0]);
        Assert.Equal(fresh[0], Assert.Single(Requests(_ports)).Socket);
    }

    private static LocalTcpPorts Create(bool anyPortInstead)
    {
        int sockets = 0;
        return new LocalTcpPorts(anyPortInstead, () => new SocketId(++sockets));
    }

    private void Listen(params TransportAddress[] addresses)
    {
        _ports.SetAddresses([.. addresses]);
        foreach (var request in Requests(_ports)) _ports.HandleOpened(request.Socket, ((SocketRequest.TcpListen)request).Local);
    }

    private static List<SocketRequest> Requests(LocalTcpPorts ports)
    {
        var requests = new List<SocketRequest>();
        while (ports.TryTakeRequest(out var request)) requests.Add(request);
        return requests;
    }
}
