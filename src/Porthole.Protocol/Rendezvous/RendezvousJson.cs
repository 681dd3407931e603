using System.Text.Json;
using System.Text.Json.Serialization;

namespace Porthole.Protocol.Rendezvous;

/// <summary>The generated readers and writers of a client's messages. Strict: nothing missing, nothing null that must not be, nothing twice, no deep nesting.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    MaxDepth = 8,
    Converters =
    [
        typeof(PeerIdConverter), typeof(SessionIdConverter), typeof(InstanceIdConverter), typeof(PublicKeyConverter), typeof(TransportAddressConverter),
        typeof(MicrosecondsConverter), typeof(EnumTextConverter<AcceptPolicy>), typeof(EnumTextConverter<PresenceMode>),
        typeof(EnumTextConverter<CandidateKind>), typeof(EnumTextConverter<CandidateTransport>), typeof(EnumTextConverter<CandidatePurpose>),
        typeof(EnumTextConverter<NatMappingFact>),
        typeof(EnumTextConverter<NatAllocationFact>), typeof(EnumTextConverter<HandshakePattern>), typeof(EnumTextConverter<RendezvousError>),
        typeof(EnumTextConverter<SessionCloseReason>), typeof(EnumTextConverter<PunchMethod>), typeof(EnumTextConverter<VerdictReason>),
    ])]
[JsonSerializable(typeof(ClientMessage))]
internal sealed partial class ClientJson : JsonSerializerContext;

/// <summary>The same for the server's messages; a context of its own, because the two sets share names.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true,
    AllowDuplicateProperties = false,
    MaxDepth = 8,
    Converters =
    [
        typeof(PeerIdConverter), typeof(SessionIdConverter), typeof(InstanceIdConverter), typeof(PublicKeyConverter), typeof(TransportAddressConverter),
        typeof(MicrosecondsConverter), typeof(EnumTextConverter<AcceptPolicy>), typeof(EnumTextConverter<PresenceMode>),
        typeof(EnumTextConverter<CandidateKind>), typeof(EnumTextConverter<CandidateTransport>), typeof(EnumTextConverter<CandidatePurpose>),
        typeof(EnumTextConverter<NatMappingFact>),
        typeof(EnumTextConverter<NatAllocationFact>), typeof(EnumTextConverter<HandshakePattern>), typeof(EnumTextConverter<RendezvousError>),
        typeof(EnumTextConverter<SessionCloseReason>), typeof(EnumTextConverter<PunchMethod>), typeof(EnumTextConverter<VerdictReason>),
    ])]
[JsonSerializable(typeof(ServerMessage))]
internal sealed partial class ServerJson : JsonSerializerContext;

/// <summary>A value that is one short JSON string; what it cannot read is a <see cref="JsonException"/>, which the codec turns into a refusal.</summary>
internal abstract class TextConverter<T> : JsonConverter<T>
{
    /// <summary>Longer than any value that is read this way: a public key in base64 has 88 characters.</summary>
    private const int MaxLength = 128;

    public override bool HandleNull => false;

    public sealed override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && !reader.HasValueSequence && reader.ValueSpan.Length <= MaxLength && TryParse(reader.GetString()!, out var value)
            ? value
            : throw new JsonException();

    protected abstract bool TryParse(string text, out T value);
}

internal sealed class PeerIdConverter : TextConverter<PeerId>
{
    public override void Write(Utf8JsonWriter writer, PeerId value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());

    protected override bool TryParse(string text, out PeerId value) => PeerId.TryParse(text, out value) && !value.IsUnknown;
}

internal sealed class SessionIdConverter : TextConverter<SessionId>
{
    public override void Write(Utf8JsonWriter writer, SessionId value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());

    protected override bool TryParse(string text, out SessionId value) => SessionId.TryParse(text, out value);
}

internal sealed class InstanceIdConverter : TextConverter<InstanceId>
{
    public override void Write(Utf8JsonWriter writer, InstanceId value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());

    protected override bool TryParse(string text, out InstanceId value) => InstanceId.TryParse(text, out value);
}

internal sealed class PublicKeyConverter : TextConverter<PublicKey>
{
    public override void Write(Utf8JsonWriter writer, PublicKey value, JsonSerializerOptions options) => writer.WriteBase64StringValue(value.Bytes);

    protected override bool TryParse(string text, out PublicKey value)
    {
        Span<byte> bytes = stackalloc byte[PublicKey.Size];
        value = null!;
        return Convert.TryFromBase64String(text, bytes, out int length) && PublicKey.TryCreate(bytes[..length], out value!);
    }
}

internal sealed class TransportAddressConverter : TextConverter<TransportAddress>
{
    public override void Write(Utf8JsonWriter writer, TransportAddress value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());

    // A zone means something on one host only, and reading one asks the operating system for the names of its interfaces.
    protected override bool TryParse(string text, out TransportAddress value)
    {
        value = default;
        return !text.Contains('%', StringComparison.Ordinal) && TransportAddress.TryParse(text, out value);
    }
}

/// <summary>Durations are whole microseconds on the wire, from zero to a day.</summary>
internal sealed class MicrosecondsConverter : JsonConverter<TimeSpan>
{
    private const long Day = 86_400_000_000;

    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long value) && value is >= 0 and <= Day
            ? TimeSpan.FromMicroseconds(value)
            : throw new JsonException();

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) =>
        writer.WriteNumberValue(Math.Clamp(value.Ticks / TimeSpan.TicksPerMicrosecond, 0, Day));
}

/// <summary>Members are their names in lower case; numbers and unknown names are refused.</summary>
internal sealed class EnumTextConverter<T> : TextConverter<T>
    where T : struct, Enum
{
    private static readonly Dictionary<T, string> s_names = Enum.GetValues<T>().ToDictionary(value => value, Name);
    private static readonly Dictionary<string, T> s_values = Enum.GetValues<T>().ToDictionary(Name);

    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => writer.WriteStringValue(s_names[value]);

    protected override bool TryParse(string text, out T value) => s_values.TryGetValue(text, out value);

    private static string Name(T value) => PeerName.Normalize(value.ToString());
}
