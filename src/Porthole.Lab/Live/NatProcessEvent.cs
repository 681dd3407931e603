using System.Text.Json;
using System.Text.Json.Serialization;
using Porthole.Protocol;

namespace Porthole.Lab.Live;

/// <summary>Something a <see cref="NatProcess"/> did.</summary>
/// <param name="At">When, in milliseconds since 1970: one clock for all processes of a machine.</param>
public abstract record NatProcessEvent(double At)
{
    /// <summary>It is ready.</summary>
    /// <param name="At">When.</param>
    /// <param name="Inside">Where its hosts send to.</param>
    /// <param name="Outside">The address the outside sees.</param>
    /// <param name="Profile">How it behaves.</param>
    public sealed record Listening(double At, TransportAddress Inside, TransportAddress Outside, string Profile) : NatProcessEvent(At);

    /// <summary>It made a mapping.</summary>
    /// <param name="At">When.</param>
    /// <param name="Inside">The socket inside.</param>
    /// <param name="Outside">The address the outside sees.</param>
    /// <param name="Remote">Who was written to first.</param>
    public sealed record Mapped(double At, TransportAddress Inside, TransportAddress Outside, TransportAddress Remote) : NatProcessEvent(At);

    /// <summary>It forgot a mapping that nobody used.</summary>
    /// <param name="At">When.</param>
    /// <param name="Outside">The address the outside saw.</param>
    public sealed record Expired(double At, TransportAddress Outside) : NatProcessEvent(At);

    /// <summary>It let a datagram pass.</summary>
    /// <param name="At">When.</param>
    /// <param name="Outgoing">Whether from inside to outside.</param>
    /// <param name="From">The source as it came.</param>
    /// <param name="Outside">The mapping it took.</param>
    /// <param name="To">The destination as it went on.</param>
    /// <param name="Kind">What the datagram is.</param>
    /// <param name="Bytes">Its length.</param>
    public sealed record Passed(
        double At, bool Outgoing, TransportAddress From, TransportAddress Outside, TransportAddress To, PacketKind Kind, int Bytes) : NatProcessEvent(At);

    /// <summary>It dropped a datagram.</summary>
    /// <param name="At">When.</param>
    /// <param name="Outgoing">Whether it came from inside.</param>
    /// <param name="From">The source.</param>
    /// <param name="To">The destination.</param>
    /// <param name="Kind">What the datagram is.</param>
    /// <param name="Bytes">Its length.</param>
    /// <param name="Reason">Why, in words.</param>
    public sealed record Dropped(
        double At, bool Outgoing, TransportAddress From, TransportAddress To, PacketKind Kind, int Bytes, string Reason) : NatProcessEvent(At);

    /// <summary>The event as one line of JSON, its kind first: <c>{"event":"mapped","at":…,"inside":"127.1.0.2:5000",…}</c>.</summary>
    public string ToJson() => this switch
    {
        Listening e => Write(new Line("listening", e.At) { Inside = Text(e.Inside), Outside = Text(e.Outside), Profile = e.Profile }),
        Mapped e => Write(new Line("mapped", e.At) { Inside = Text(e.Inside), Outside = Text(e.Outside), Remote = Text(e.Remote) }),
        Expired e => Write(new Line("expired", e.At) { Outside = Text(e.Outside) }),
        Passed e => Write(new Line("passed", e.At)
        {
            Direction = Direction(e.Outgoing), From = Text(e.From), Outside = Text(e.Outside), To = Text(e.To), Kind = Name(e.Kind), Bytes = e.Bytes,
        }),
        Dropped e => Write(new Line("dropped", e.At)
        {
            Direction = Direction(e.Outgoing), From = Text(e.From), To = Text(e.To), Kind = Name(e.Kind), Bytes = e.Bytes, Reason = e.Reason,
        }),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    private static string Write(Line line) => JsonSerializer.Serialize(line, NatProcessJson.Default.Line);

    private static string Text(TransportAddress address) => address.ToString();

    private static string Direction(bool outgoing) => outgoing ? "out" : "in";

    private static string Name(PacketKind kind) => kind switch
    {
        PacketKind.Unknown => "unknown",
        PacketKind.Stun => "stun",
        PacketKind.TurnChannel => "turn",
        PacketKind.Session => "session",
    };

    internal sealed record Line(string Event, double At)
    {
        public string? Inside { get; init; }

        public string? Outside { get; init; }

        public string? Profile { get; init; }

        public string? Remote { get; init; }

        public string? Direction { get; init; }

        public string? From { get; init; }

        public string? To { get; init; }

        public string? Kind { get; init; }

        public int? Bytes { get; init; }

        public string? Reason { get; init; }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(NatProcessEvent.Line))]
internal sealed partial class NatProcessJson : JsonSerializerContext;
