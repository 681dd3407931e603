namespace Porthole.Tests.Testing;

/// <summary>The program that the examples of docs/testing.md test: it greets who calls.</summary>
internal static class Greeter
{
    public static async Task ServeAsync(PeerNode node)
    {
        while (true)
        {
            var connection = await node.AcceptAsync();
            _ = GreetAsync(connection);
        }
    }

    public static async Task<string> AskAsync(PeerConnection connection)
    {
        await using var stream = await connection.OpenStreamAsync();
        await stream.WriteAsync("hello?"u8.ToArray());
        stream.CompleteWrites();
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    private static async Task GreetAsync(PeerConnection connection)
    {
        while (true)
        {
            await using var stream = await connection.AcceptStreamAsync();
            await stream.CopyToAsync(Stream.Null);
            await stream.WriteAsync(System.Text.Encoding.UTF8.GetBytes($"hello {connection.RemoteName}"));
            stream.CompleteWrites();
        }
    }
}
