using System.Text;
using System.Text.Json;

namespace Porthole.Cli;

/// <summary>Writes one JSON object a line to standard output, as <c>--json</c> promises, and nothing else there. Safe from any thread.</summary>
internal static class JsonLines
{
    private static readonly Lock s_gate = new();

    /// <summary>Writes one event.</summary>
    /// <param name="name">The value of <c>event</c>.</param>
    /// <param name="fields">Writes the other fields.</param>
    public static void Write(string name, Action<Utf8JsonWriter>? fields = null)
    {
        using var bytes = new MemoryStream();
        using (var json = new Utf8JsonWriter(bytes, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            json.WriteString("event", name);
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
}
