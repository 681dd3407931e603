using System.Text;
using Porthole.Lab;
using Porthole.Protocol;

namespace Porthole.Testing;

/// <summary>The newest of what happened to packets, and what was done to the network in between.</summary>
/// <param name="capacity">How many lines are kept.</param>
internal sealed class TraceLog(int capacity)
{
    private readonly Queue<(PacketTraceEntry Packet, Instant At, string? Note)> _lines = new();
    private long _lost;

    public void Add(PacketTraceEntry entry) => Add((entry, entry.At, null));

    public void Add(Instant at, string note) => Add((default, at, note));

    /// <inheritdoc/>
    public override string ToString()
    {
        var text = new StringBuilder();
        if (_lost > 0) text.Append($"... {_lost} earlier lines\n");
        foreach (var (packet, at, note) in _lines)
        {
            if (note is null) text.Append(packet.ToString());
            else text.Append(System.Globalization.CultureInfo.InvariantCulture, $"{at.Ticks / (double)TimeSpan.TicksPerMillisecond,9:0.0} ms  --- {note}");
            text.Append('\n');
        }

        return text.ToString();
    }

    private void Add((PacketTraceEntry Packet, Instant At, string? Note) line)
    {
        if (capacity == 0) return;
        if (_lines.Count == capacity)
        {
            _lines.Dequeue();
            _lost++;
        }

        _lines.Enqueue(line);
    }
}
