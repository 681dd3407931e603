using System.Net.WebSockets;

namespace WebBehindNat;

/// <summary>Sends back what a WebSocket sends.</summary>
internal static class Echo
{
    public static async Task RunAsync(WebSocket socket, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[16_384];
        while (true)
        {
            var part = await socket.ReceiveAsync(buffer.AsMemory(), cancellationToken);
            if (part.MessageType == WebSocketMessageType.Close) break;
            await socket.SendAsync(buffer.AsMemory(0, part.Count), part.MessageType, part.EndOfMessage, cancellationToken);
        }

        await socket.CloseAsync(WebSocketCloseStatus.NormalClosure, null, cancellationToken);
    }
}
