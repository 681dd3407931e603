using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// Turns control messages into JSON and back. Reading is strict and never throws: what is too long, malformed, incomplete or beyond a limit of
/// <see cref="RendezvousLimits"/> is refused whole. One codec serves one machine; its buffer is used again for each message.
/// </summary>
public sealed class RendezvousCodec
{
    private readonly ArrayBufferWriter<byte> _buffer = new(1_024);

    /// <summary>Writes a client's message. The bytes last until the next call.</summary>
    public ReadOnlySpan<byte> Encode(ClientMessage message) => Encode(message, ClientJson.Default.ClientMessage);

    /// <summary>Writes a server's message. The bytes last until the next call.</summary>
    public ReadOnlySpan<byte> Encode(ServerMessage message) => Encode(message, ServerJson.Default.ServerMessage);

    /// <summary>Reads a client's message.</summary>
    /// <returns>False when it is none, or breaks a limit.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> json, [NotNullWhen(true)] out ClientMessage? message) =>
        TryDecode(json, ClientJson.Default.ClientMessage, out message) && RendezvousMessageRules.AreKept(message);

    /// <summary>Reads a server's message.</summary>
    /// <returns>False when it is none, or breaks a limit.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> json, [NotNullWhen(true)] out ServerMessage? message) =>
        TryDecode(json, ServerJson.Default.ServerMessage, out message) && RendezvousMessageRules.AreKept(message);

    private static bool TryDecode<T>(ReadOnlySpan<byte> json, JsonTypeInfo<T> type, [NotNullWhen(true)] out T? message)
        where T : class
    {
        message = null;
        if (json.Length is 0 or > RendezvousLimits.MaxMessage) return false;
        try
        {
            message = JsonSerializer.Deserialize(json, type);
        }
        // The reader's own way of saying no; a sender of such bytes is cut off, so that there is never more than one per connection.
        catch (Exception exception) when (exception is JsonException or NotSupportedException or InvalidOperationException or FormatException or ArgumentException)
        {
            return false;
        }

        return message is not null;
    }

    private ReadOnlySpan<byte> Encode<T>(T message, JsonTypeInfo<T> type)
    {
        _buffer.ResetWrittenCount();
        using var writer = new Utf8JsonWriter(_buffer);
        JsonSerializer.Serialize(writer, message, type);
        return _buffer.WrittenSpan;
    }
}
