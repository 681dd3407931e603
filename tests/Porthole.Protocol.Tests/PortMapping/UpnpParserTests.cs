using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Porthole.Protocol.PortMapping;

namespace Porthole.Protocol.Tests.PortMapping;

/// <summary>What UPnP gateways say, and what others say in their place.</summary>
public sealed class UpnpParserTests
{
    private static readonly TransportAddress s_gateway = TransportAddress.Parse("192.168.1.1:0");

    [Fact]
    public void An_answer_to_a_search_says_where_the_description_is()
    {
        Assert.True(SsdpMessage.TryReadLocation(Encoding.ASCII.GetBytes(UpnpSamples.SearchAnswer), out string location));
        Assert.Equal("http://192.168.1.1:5000/rootDesc.xml", location);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: http://192.168.1.1/\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nST: urn:dial-multiscreen-org:service:dial:1\r\nLOCATION: http://192.168.1.1/\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n")]
    [InlineData("NOTIFY * HTTP/1.1\r\nNT: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: http://192.168.1.1/\r\n\r\n")]
    public void Other_messages_are_none(string message) => Assert.False(SsdpMessage.TryReadLocation(Encoding.ASCII.GetBytes(message), out _));

    [Fact]
    public void An_answer_to_a_search_has_a_longest_length()
    {
        string message = UpnpSamples.SearchAnswer;
        Assert.True(SsdpMessage.TryReadLocation(Encoding.ASCII.GetBytes(message.PadRight(SsdpMessage.MaxAnswer)), out _));
        Assert.False(SsdpMessage.TryReadLocation(Encoding.ASCII.GetBytes(message.PadRight(SsdpMessage.MaxAnswer + 1)), out _));
    }

    [Fact]
    public void A_search_fits_its_room()
    {
        foreach (string target in SsdpMessage.Targets) Assert.InRange(SsdpMessage.WriteSearch(new byte[SsdpMessage.MaxSearch], target), 100, SsdpMessage.MaxSearch);
    }

    [Theory]
    [InlineData("http://192.168.1.1:5000/a", true)]
    [InlineData("HTTP://192.168.1.1/", true)]
    [InlineData("/ctl/IPConn", true)]
    [InlineData("ctl/IPConn?x=1", true)]
    [InlineData("http://192.168.1.2:5000/a", false)] // another host of the network
    [InlineData("http://203.0.113.7/a", false)]
    [InlineData("http://127.0.0.1/a", false)]
    [InlineData("http://router.example/a", false)] // no name is asked for
    [InlineData("https://192.168.1.1/a", false)]
    [InlineData("//192.168.1.2/a", false)]
    [InlineData("file:///etc/passwd", false)]
    [InlineData("http://user@192.168.1.1/a", false)]
    [InlineData("http://192.168.1.1@192.168.1.2/a", false)]
    [InlineData("http://[::ffff:192.168.1.1]/a", false)]
    [InlineData("", false)]
    public void Only_pages_of_the_gateway_itself_are_asked_for(string text, bool isTaken)
    {
        Assert.Equal(isTaken, GatewayUri.TryResolve(text, new Uri("http://192.168.1.1:5000/rootDesc.xml"), s_gateway, out var uri));
        if (isTaken) Assert.Equal("192.168.1.1", uri.Host);
    }

    [Fact]
    public void A_page_address_has_a_longest_length()
    {
        string longest = "/" + new string('a', 511);
        Assert.True(GatewayUri.TryResolve(longest, new Uri("http://192.168.1.1/"), s_gateway, out _));
        Assert.False(GatewayUri.TryResolve(longest + "a", new Uri("http://192.168.1.1/"), s_gateway, out _));
    }

    [Fact]
    public void The_services_of_a_description_are_found_at_any_depth()
    {
        Assert.True(UpnpDocument.TryReadDescription(Encoding.UTF8.GetBytes(UpnpSamples.Description), out var services, out string baseUrl));
        Assert.Equal("", baseUrl);
        Assert.Contains(new UpnpService("urn:schemas-upnp-org:service:WANIPConnection:1", "/ctl/IPConn"), services);
        Assert.Equal(2, services.Length);
    }

    [Theory]
    [InlineData("<root xmlns='urn:x'><service><serviceType>a</serviceType><controlURL>b</controlURL></service></root>")]
    [InlineData("<p:root xmlns:p='urn:x'><p:service><p:serviceType> a </p:serviceType><p:controlURL>b</p:controlURL></p:service></p:root>")]
    [InlineData("\uFEFF<?xml version='1.0' encoding='iso-8859-1'?><root><service><controlURL>b</controlURL><other/><serviceType>a</serviceType></service></root>\0\0")]
    public void Namespaces_and_order_do_not_matter(string text)
    {
        Assert.True(UpnpDocument.TryReadDescription(Encoding.UTF8.GetBytes(text), out var services, out _));
        Assert.Equal(new UpnpService("a", "b"), Assert.Single(services));
    }

    [Theory]
    [InlineData("<!DOCTYPE root [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>]><root>&b;</root>")]
    [InlineData("<!DOCTYPE root SYSTEM 'http://203.0.113.7/x.dtd'><root/>")]
    [InlineData("<!DOCTYPE root [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><root><serviceType>&x;</serviceType></root>")]
    [InlineData("<root>&unknown;</root>")]
    [InlineData("<root>")]
    [InlineData("<html><body>Log in</html>")]
    [InlineData("")]
    [InlineData("no XML")]
    public void Entities_document_types_and_broken_documents_are_refused(string text) => Assert.False(UpnpDocument.TryReadAnswer(Encoding.UTF8.GetBytes(text), out _));

    [Fact]
    public void Depth_has_a_limit()
    {
        Assert.True(UpnpDocument.TryReadAnswer(Encoding.UTF8.GetBytes(Nested(UpnpDocument.MaxDepth)), out _));
        Assert.False(UpnpDocument.TryReadAnswer(Encoding.UTF8.GetBytes(Nested(UpnpDocument.MaxDepth + 2)), out _));
        Assert.False(UpnpDocument.TryReadAnswer(Encoding.UTF8.GetBytes(Nested(8_000)), out _));

        static string Nested(int levels) => string.Concat(Enumerable.Repeat("<a>", levels)) + string.Concat(Enumerable.Repeat("</a>", levels));
    }

    [Fact]
    public void Length_has_a_limit()
    {
        string document = "<root><a>1</a></root>";
        Assert.True(UpnpDocument.TryReadAnswer(Encoding.UTF8.GetBytes(document.PadRight(PortMappingLimits.MaxHttpAnswer)), out var values));
        Assert.Equal("1", values["a"]);
        Assert.False(UpnpDocument.TryReadAnswer(Encoding.UTF8.GetBytes(document.PadRight(PortMappingLimits.MaxHttpAnswer + 1)), out _));
    }

    [Fact]
    public void Services_and_values_have_a_limit()
    {
        string service = "<service><serviceType>a</serviceType><controlURL>b</controlURL></service>";
        Assert.True(UpnpDocument.TryReadDescription(Encoding.UTF8.GetBytes($"<root>{string.Concat(Enumerable.Repeat(service, 100))}</root>"), out var services, out _));
        Assert.Equal(UpnpDocument.MaxServices, services.Length);
        Assert.True(UpnpDocument.TryReadAnswer(Encoding.UTF8.GetBytes($"<root><a>{new string('x', UpnpDocument.MaxValue)}</a><b>{new string('x', UpnpDocument.MaxValue + 1)}</b></root>"), out var values));
        Assert.Equal(UpnpDocument.MaxValue, values["a"].Length);
        Assert.DoesNotContain("b", values.Keys);
    }

    [Fact]
    public void Every_truncation_and_any_change_is_read_without_an_exception()
    {
        byte[] document = Encoding.UTF8.GetBytes(UpnpSamples.Description), message = Encoding.ASCII.GetBytes(UpnpSamples.SearchAnswer);
        for (int length = 0; length < document.Length; length++) Assert.False(UpnpDocument.TryReadDescription(document.AsSpan(0, length), out _, out _));
        for (int length = 0; length < message.Length; length++) SsdpMessage.TryReadLocation(message.AsSpan(0, length), out _);
        Prop.ForAll(ArbMap.Default.ArbFor<byte[]>(), bytes =>
        {
            foreach (byte[] original in new[] { document, message })
            {
                byte[] changed = [.. original];
                for (int i = 0; i + 2 < bytes.Length; i += 3) changed[(bytes[i] * 256 + bytes[i + 1]) % changed.Length] = bytes[i + 2];
                if (UpnpDocument.TryReadDescription(changed, out var services, out string baseUrl))
                {
                    foreach (string text in services.Select(static service => service.ControlUrl).Append(baseUrl))
                    {
                        if (GatewayUri.TryResolve(text, new Uri("http://192.168.1.1:5000/"), s_gateway, out var uri)) Assert.Equal("192.168.1.1", uri.Host);
                    }
                }

                UpnpDocument.TryReadAnswer(changed, out _);
                if (SsdpMessage.TryReadLocation(changed, out string location)) GatewayUri.TryResolve(location, null, s_gateway, out _);
            }

            UpnpDocument.TryReadAnswer(bytes, out _);
            SsdpMessage.TryReadLocation(bytes, out _);
            return true;
        }).Check(Config.QuickThrowOnFailure.WithMaxTest(1_000));
    }

    [Fact]
    public void What_a_gateway_says_is_quoted_with_care() =>
        Assert.Equal("a?b" + new string('c', PortMappingLimits.MaxQuote - 3), GatewayText.Quote("a\u001bb" + new string('c', 1_000)));
}
