using System.Net;
using System.Net.Sockets;
using System.Text;
using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.PortMapping;

/// <summary>What a hostile gateway does to one of its hosts.</summary>
internal enum Mischief
{
    /// <summary>A description without end.</summary>
    Huge,

    /// <summary>A description that comes a byte at a time.</summary>
    Slow,

    /// <summary>Bytes that are no HTTP, and datagrams that are no PCP.</summary>
    Malformed,

    /// <summary>A redirect to a public host.</summary>
    Redirecting,

    /// <summary>A description on another host.</summary>
    Elsewhere,

    /// <summary>A document that grows when it is read.</summary>
    Bomb,

    /// <summary>A PCP server that maps the port of another service.</summary>
    Lying,
}

/// <summary>A gateway that answers every host in another wrong way: the first host in the first, and so on. It lives in a router's namespace.</summary>
internal sealed class HostileGateway : IDisposable
{
    private readonly CancellationTokenSource _end = new();
    private readonly Socket _search;
    private readonly Socket _control;
    private readonly Socket _web;
    private readonly byte _firstHost;
    private int _searches;

    private HostileGateway(KernelSite site, Socket search, Socket control, Socket web)
    {
        (_search, _control, _web) = (search, control, web);
        _firstHost = (byte)(site.Gateway.GetAddressBytes()[3] + 1);
        Gateway = site.Gateway;
        _ = SearchAsync();
        _ = ControlAsync();
        _ = WebAsync();
    }

    public IPAddress Gateway { get; }

    /// <summary>How many searches were answered.</summary>
    public int Searches => _searches;

    public static HostileGateway Start(KernelSite site)
    {
        site.Router.LoadRules("add rule inet filter input iifname \"lan\" accept");
        return site.Router.Invoke(() =>
        {
            var search = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            search.Bind(new IPEndPoint(IPAddress.Any, 1900));
            search.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(IPAddress.Parse("239.255.255.250"), site.Gateway));
            search.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, site.Gateway.GetAddressBytes());
            var control = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            control.Bind(new IPEndPoint(site.Gateway, 5351));
            var web = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            web.Bind(new IPEndPoint(site.Gateway, 5000));
            web.Listen();
            return new HostileGateway(site, search, control, web);
        });
    }

    public void Dispose()
    {
        _end.Cancel();
        foreach (var socket in new[] { _search, _control, _web }) socket.Dispose();
        _end.Dispose();
    }

    private Mischief For(EndPoint? host) => (Mischief)(((IPEndPoint)host!).Address.GetAddressBytes()[3] - _firstHost);

    private async Task SearchAsync()
    {
        byte[] buffer = new byte[2_048];
        try
        {
            while (true)
            {
                var received = await _search.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _end.Token);
                Interlocked.Increment(ref _searches);
                string host = For(received.RemoteEndPoint) == Mischief.Elsewhere ? "203.0.113.1" : $"{Gateway}";
                string answer = $"HTTP/1.1 200 OK\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\nLOCATION: http://{host}:5000/rootDesc.xml\r\n\r\n";
                await _search.SendToAsync(Encoding.ASCII.GetBytes(answer), received.RemoteEndPoint, _end.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ControlAsync()
    {
        byte[] buffer = new byte[2_048];
        try
        {
            while (true)
            {
                var received = await _control.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _end.Token);
                var mischief = For(received.RemoteEndPoint);
                byte[]? answer = mischief switch
                {
                    Mischief.Malformed => [.. Enumerable.Range(0, 1_400).Select(static value => (byte)(value * 7))],
                    Mischief.Lying when buffer[0] == 2 => Lie(buffer.AsSpan(0, received.ReceivedBytes)),
                    _ => null,
                };
                if (answer is not null) await _control.SendToAsync(answer, received.RemoteEndPoint, _end.Token);
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    /// <summary>Says yes to all, with port 22 of somebody else.</summary>
    private static byte[] Lie(ReadOnlySpan<byte> request)
    {
        byte[] answer = request.ToArray();
        answer[1] |= 0x80;
        answer[3] = 0;
        if (answer.Length < 60) return answer;
        (answer[42], answer[43]) = (0, 22);
        new byte[] { 8, 8, 8, 8 }.CopyTo(answer, 56);
        return answer;
    }

    private async Task WebAsync()
    {
        try
        {
            while (true) _ = ServeAsync(await _web.AcceptAsync(_end.Token));
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The end.
        }
    }

    private async Task ServeAsync(Socket client)
    {
        try
        {
            using (client)
            {
                byte[] buffer = new byte[64 * 1024];
                await client.ReceiveAsync(buffer, _end.Token);
                switch (For(client.RemoteEndPoint))
                {
                    case Mischief.Huge:
                        await SayAsync(client, "HTTP/1.1 200 OK\r\n\r\n<root>");
                        while (true) await client.SendAsync(buffer, _end.Token);
                    case Mischief.Slow:
                        await SayAsync(client, "HTTP/1.1 200 OK\r\n\r\n");
                        while (true)
                        {
                            await SayAsync(client, " ");
                            await Task.Delay(100, _end.Token);
                        }

                    case Mischief.Redirecting:
                        await SayAsync(client, "HTTP/1.1 302 Found\r\nLocation: http://203.0.113.1:8848/\r\nContent-Length: 0\r\n\r\n");
                        break;
                    case Mischief.Bomb:
                        await SayAsync(client, "HTTP/1.1 200 OK\r\n\r\n<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]><r>&b;</r>");
                        break;
                    default:
                        await SayAsync(client, "\0\u0001\u0002 nonsense \r\n\r\n");
                        break;
                }
            }
        }
        catch (Exception exception) when (exception is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The host has had enough, or the end.
        }
    }

    private async Task SayAsync(Socket client, string text) => await client.SendAsync(Encoding.ASCII.GetBytes(text), _end.Token);
}
