using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Porthole.Protocol;

namespace Porthole.Cli;

/// <summary>Writes one JSON object a line to standard output, as <c>--json</c> promises, and nothing else there. Safe from any thread.</summary>
internal static class JsonLines
{
    private static readonly JsonWriterOptions s_options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly Lock s_gate = new();

    /// <summary>Writes one event.</summary>
    /// <param name="name">The value of <c>event</c>; null for an object that is no event.</param>
    /// <param name="fields">Writes the other fields.</param>
    public static void Write(string? name, Action<Utf8JsonWriter>? fields = null)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, s_options))
        {
            json.WriteStartObject();
            if (name is not null) json.WriteString("event", name);
            fields?.Invoke(json);
            json.WriteEndObject();
        }

        string line = Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length);
        lock (s_gate)
        {
            Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }

    extension(Utf8JsonWriter json)
    {
        /// <summary>A span in milliseconds, to the microsecond.</summary>
        public void WriteMilliseconds(string name, TimeSpan span) => json.WriteNumber(name, Math.Round(span.TotalMilliseconds, 3));

        /// <summary>An address, or null where there is none.</summary>
        public void WriteAddress(string name, TransportAddress? address)
        {
            if (address is { } known) json.WriteString(name, known.ToString());
            else json.WriteNull(name);
        }
    }
}
