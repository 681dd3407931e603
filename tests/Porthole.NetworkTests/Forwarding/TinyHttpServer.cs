using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.Forwarding;

/// <summary>Just enough of HTTP/1.1 on a host of a lab: GET gives a body that is known, PUT takes one and answers with its SHA-256.</summary>
internal sealed class TinyHttpServer : IDisposable
{
    private readonly Socket _listener;

    public TinyHttpServer(KernelHost host, int port, byte[] body)
    {
        _listener = host.Namespace.Invoke(() =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            socket.Listen();
            return socket;
        });
        _ = AcceptAsync(body);
    }

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAsync(byte[] body)
    {
        try
        {
            while (true) _ = ServeAsync(await _listener.AcceptAsync(), body);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task ServeAsync(Socket socket, byte[] body)
    {
        using (socket)
        {
            await using var stream = new NetworkStream(socket);
            var head = new StringBuilder();
            byte[] one = new byte[1];
            while (!head.ToString().EndsWith("\r\n\r\n", StringComparison.Ordinal) && await stream.ReadAsync(one) == 1) head.Append((char)one[0]);
            byte[] answer = body;
            if (head.ToString().StartsWith("PUT ", StringComparison.Ordinal))
            {
                string length = head.ToString().Split("\r\n").Single(static line => line.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase));
                byte[] taken = new byte[int.Parse(length.Split(':')[1])];
                if (head.ToString().Contains("100-continue", StringComparison.OrdinalIgnoreCase)) await stream.WriteAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray());
                await stream.ReadExactlyAsync(taken);
                answer = Encoding.ASCII.GetBytes(Convert.ToHexString(SHA256.HashData(taken)));
            }

            await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {answer.Length}\r\nConnection: close\r\n\r\n"));
            await stream.WriteAsync(answer);
            socket.Shutdown(SocketShutdown.Send);
            await socket.ReceiveAsync(one); // until the client has ended too
        }
    }
}
