using System.Globalization;
using System.Net.WebSockets;
using System.Text;

namespace WebBehindNatClient;

/// <summary>
/// Many requests over HTTP/1.1, HTTP/2 and a WebSocket side by side, each answer compared with what was asked: at least so many of each, and until a line is typed. It prints the paths that they
/// went by, and at last what was answered.
/// </summary>
internal sealed class Load(HttpClient http1, HttpClient http2, WebSocket socket, int count)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(5);

    private readonly Task _typed = Task.Run(Console.ReadLine);
    private readonly Lock _lock = new();
    private string _path = "";
    private bool _hasBegun;

    /// <summary>Runs it.</summary>
    /// <returns>Whether every answer came and was right.</returns>
    public async Task<bool> RunAsync()
    {
        (string Name, int Asked, int Right)[] results = await Task.WhenAll(
            CountAsync("HTTP/1.1", number => AskAsync(http1, number)),
            CountAsync("HTTP/2", number => AskAsync(http2, number)),
            CountAsync("WebSocket", EchoAsync));
        foreach (var (name, asked, right) in results) Console.WriteLine($"{name}: {right} of {asked} answered");
        return results.All(result => result.Right == result.Asked && result.Asked >= count);
    }

    private async Task<(string Name, int Asked, int Right)> CountAsync(string name, Func<int, Task<bool>> ask)
    {
        int asked = 0, right = 0;
        for (; asked < count || !_typed.IsCompleted; asked++)
        {
            try
            {
                if (await ask(asked)) right++;
            }
            catch (Exception exception) when (exception is HttpRequestException or WebSocketException or OperationCanceledException)
            {
                Console.WriteLine($"{name} {asked}: {exception.Message}");
                if (exception is WebSocketException) return (name, asked + 1, right);
            }

            await Task.Delay(s_pause);
        }

        return (name, asked, right);
    }

    private async Task<bool> AskAsync(HttpClient client, int number)
    {
        string[] answer = (await client.GetStringAsync($"/number/{number}")).Split(' ');
        lock (_lock)
        {
            if (answer[^1] != _path) Console.WriteLine($"path {_path = answer[^1]}");
            if (!_hasBegun && number >= count / 5) Console.WriteLine("under way");
            _hasBegun |= number >= count / 5;
        }

        return answer[0] == number.ToString(CultureInfo.InvariantCulture);
    }

    private async Task<bool> EchoAsync(int number)
    {
        byte[] message = Encoding.ASCII.GetBytes($"message {number}"), echo = new byte[100];
        await socket.SendAsync(message, WebSocketMessageType.Text, endOfMessage: true, default);
        var received = await socket.ReceiveAsync(echo, default);
        return received.EndOfMessage && echo.AsSpan(0, received.Count).SequenceEqual(message);
    }
}
