using Porthole.Protocol.PortMapping;

namespace Porthole.Protocol.Tests.PortMapping;

/// <summary>The conversation with a UPnP gateway, and with those that only look like one.</summary>
public sealed class UpnpProtocolTests
{
    private static readonly string s_version2 = UpnpSamples.Description.Replace("WANIPConnection:1", "WANIPConnection:2", StringComparison.Ordinal);

    [Fact]
    public void A_gateway_is_searched_described_and_asked()
    {
        var bench = new MapperBench().FindUpnp();
        Assert.Equal("urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping", bench.Asked!.Action);
        Assert.Equal(new Uri("http://192.168.1.1:5000/ctl/IPConn"), bench.Asked.Target);
        Assert.Equal((MapperBench.Local.Host, PortMappingLimits.MaxHttpAnswer, TimeSpan.FromSeconds(3)), (bench.Asked.Local.Host, bench.Asked.MaxAnswer, bench.Asked.Timeout));
        Assert.Contains("<NewInternalClient>192.168.1.10</NewInternalClient>", bench.Asked.Body, StringComparison.Ordinal);
        Assert.Contains("<NewLeaseDuration>3600</NewLeaseDuration>", bench.Asked.Body, StringComparison.Ordinal);
        bench.Answer(UpnpSamples.Answer(UpnpAction.Add));

        var mapped = Assert.Single(bench.Mapper.Mappings);
        Assert.Equal((PortMappingProtocol.Upnp, TransportAddress.Parse("203.0.113.1:8900")), (mapped.Protocol, mapped.External));
    }

    [Fact]
    public void Version_2_says_itself_which_port_it_is()
    {
        var bench = new MapperBench().FindUpnp(s_version2);
        Assert.EndsWith("#AddAnyPortMapping", bench.Asked!.Action, StringComparison.Ordinal);
        bench.Answer(UpnpSamples.Answer(UpnpAction.AddAny, "<NewReservedPort>23456</NewReservedPort>"));
        Assert.Equal(23_456, Assert.Single(bench.Mapper.Mappings).External.Port);

        // More time is asked for that port.
        bench.PassSeconds(601);
        Assert.EndsWith("#AddPortMapping", bench.Asked!.Action, StringComparison.Ordinal);
        Assert.Contains("<NewExternalPort>23456</NewExternalPort>", bench.Asked.Body, StringComparison.Ordinal);
    }

    [Fact]
    public void A_version_2_that_is_not_all_there_is_asked_as_version_1()
    {
        var bench = new MapperBench().FindUpnp(s_version2);
        bench.Answer(UpnpSamples.Fault(401, "Invalid Action"), 500);
        Assert.EndsWith("#AddPortMapping", bench.Asked!.Action, StringComparison.Ordinal);
    }

    [Fact]
    public void A_port_that_another_host_has_is_tried_elsewhere_a_few_times()
    {
        var bench = new MapperBench().FindUpnp();
        var bodies = new HashSet<string>();
        for (int i = 0; i < UpnpProtocol.MaxConflicts; i++)
        {
            Assert.True(bodies.Add(bench.Asked!.Body));
            bench.Answer(UpnpSamples.Fault(718, "ConflictInMappingEntry"), 500);
        }

        Assert.Null(bench.Asked);
        bench.PassSeconds(5);
        Assert.Equal("192.168.1.1 maps no ports: PCP: no answer; NAT-PMP: no answer; UPnP: other hosts have the ports that were tried.", bench.Failure());
    }

    [Theory]
    [InlineData(725, "it maps for ever only, which is not asked of it")]
    [InlineData(606, "it is not allowed")]
    [InlineData(501, "error 501 (Action Failed)")]
    public void A_refusal_is_told(int code, string words)
    {
        var bench = new MapperBench().FindUpnp();
        bench.Answer(UpnpSamples.Fault(code, "Action Failed"), 500);
        bench.PassSeconds(5);
        Assert.EndsWith($"UPnP: {words}.", bench.Failure(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_wanted_while_it_is_asked_for_holds_up_nothing()
    {
        var (udp, tcp) = (new PortWish(MapperBench.Local, Transports.Udp), new PortWish(MapperBench.Local, Transports.Tcp));
        var bench = new MapperBench().FindUpnp();
        bench.Mapper.Want(bench.Now, [udp, tcp]);
        bench.Drain();
        Assert.Contains("<NewProtocol>UDP</NewProtocol>", bench.Asked!.Body, StringComparison.Ordinal);

        bench.Mapper.Want(bench.Now, [tcp]);
        Assert.True(bench.Mapper.NextDeadline > bench.Now);
        bench.Drain();
        Assert.Contains("<NewProtocol>TCP</NewProtocol>", bench.Requests.OfType<SocketRequest.HttpAsk>().Last(static ask => ask.Action?.EndsWith("#AddPortMapping", StringComparison.Ordinal) == true).Body, StringComparison.Ordinal);
        bench.Mapper.Want(bench.Now, [udp]); // a request that waits for nobody any more is not waited for
        bench.Drain();
        bench.PassSeconds(60);
        Assert.True(bench.Mapper.NextDeadline > bench.Now);
    }

    [Fact]
    public void At_the_end_the_mapping_is_taken_back_and_nobody_waits()
    {
        var bench = new MapperBench().FindUpnp();
        bench.Answer(UpnpSamples.Answer(UpnpAction.Add));
        bench.Mapper.Stop(bench.Now);
        bench.Drain();

        var removal = Assert.Single(bench.Requests.OfType<SocketRequest.HttpAsk>(), static ask => ask.Action!?.EndsWith("#DeletePortMapping", StringComparison.Ordinal) == true);
        Assert.Contains("<NewExternalPort>8900</NewExternalPort>", removal.Body, StringComparison.Ordinal);
        Assert.Contains(new SocketRequest.Close(removal.Socket), bench.Requests);
    }

    [Fact]
    public void A_mapping_that_may_have_arrived_is_taken_back_too()
    {
        var bench = new MapperBench().FindUpnp();
        bench.Mapper.Stop(bench.Now);
        bench.Drain();
        Assert.Contains(bench.Requests.OfType<SocketRequest.HttpAsk>(), static ask => ask.Action?.EndsWith("#DeletePortMapping", StringComparison.Ordinal) == true);
    }

    [Theory]
    [InlineData("LOCATION: http://192.168.1.66:80/x")]
    [InlineData("LOCATION: http://203.0.113.66/x")]
    [InlineData("LOCATION: https://192.168.1.1/x")]
    public void A_description_elsewhere_is_not_read(string header)
    {
        var bench = new MapperBench().Start();
        bench.SayHere($"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n{header}\r\n\r\n");
        Assert.Null(bench.Asked);
        bench.PassSeconds(5);
        Assert.EndsWith("UPnP: its answer leads to another host.", bench.Failure(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_neighbour_that_answers_in_the_gateways_place_is_not_heard()
    {
        var bench = new MapperBench().Start();
        bench.Say(System.Text.Encoding.ASCII.GetBytes(UpnpSamples.SearchAnswer), 1900, TransportAddress.Parse("192.168.1.66:0"));
        Assert.Null(bench.Asked);
    }

    [Theory]
    [InlineData("<controlURL>http://192.168.1.66/ctl</controlURL>")]
    [InlineData("<controlURL>http://203.0.113.66/ctl</controlURL>")]
    public void A_service_elsewhere_is_not_asked(string control)
    {
        var bench = new MapperBench().Start();
        bench.SayHere();
        bench.Answer(UpnpSamples.Description.Replace("<controlURL>/ctl/IPConn</controlURL>", control, StringComparison.Ordinal));
        Assert.Null(bench.Asked);
        bench.PassSeconds(5);
        Assert.EndsWith("UPnP: its description leads to another host.", bench.Failure(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("<root/>", 200, "it describes no connection that maps ports")]
    [InlineData("<root>", 200, "its description cannot be read")]
    [InlineData("", 302, "its web server redirects")]
    [InlineData("", 404, "its web server answers 404")]
    public void A_description_that_is_none_is_one_line(string body, int status, string words)
    {
        var bench = new MapperBench().Start();
        bench.SayHere();
        bench.Answer(body, status);
        bench.PassSeconds(5);
        Assert.Null(bench.Asked);
        Assert.EndsWith($"UPnP: {words}.", bench.Failure(), StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_driver_says_of_a_failure_is_the_line()
    {
        var bench = new MapperBench().Start();
        bench.SayHere();
        bench.FailHttp("its web server's answer is longer than 64 kB");
        bench.PassSeconds(5);
        Assert.EndsWith("UPnP: its web server's answer is longer than 64 kB.", bench.Failure(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_driver_that_never_answers_is_not_waited_for()
    {
        var bench = new MapperBench().Start();
        bench.SayHere();
        bench.PassSeconds(10);
        Assert.EndsWith("UPnP: its web server does not answer.", bench.Failure(), StringComparison.Ordinal);
        Assert.Contains(bench.Requests, static request => request is SocketRequest.Close { Abortive: true });
    }
}
