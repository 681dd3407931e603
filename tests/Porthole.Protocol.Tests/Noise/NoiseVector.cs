using System.Text.Json;

namespace Porthole.Protocol.Tests.Noise;

/// <summary>One handshake of Vectors/Noise/noise-p256.json; all bytes in hexadecimal.</summary>
public sealed record NoiseVector(
    string Protocol,
    string Pattern,
    string Prologue,
    string Psk,
    string InitiatorStatic,
    string InitiatorStaticPublic,
    string InitiatorEphemeral,
    string ResponderStatic,
    string ResponderStaticPublic,
    string ResponderEphemeral,
    IReadOnlyList<NoiseVector.Message> Handshake,
    string HandshakeHash,
    string InitiatorToResponder,
    string ResponderToInitiator,
    string InitiatorToResponderRekeyed,
    string ResponderToInitiatorRekeyed,
    IReadOnlyList<NoiseVector.Message> Transport)
{
    private static readonly JsonSerializerOptions s_options = new(JsonSerializerDefaults.Web);

    public static IReadOnlyList<NoiseVector> All { get; } = Load();

    public override string ToString() => $"{Protocol}, {(Handshake[0].Payload.Length == 0 ? "no payloads" : "payloads")}";

    private static List<NoiseVector> Load()
    {
        using var stream = typeof(NoiseVector).Assembly.GetManifestResourceStream("noise-p256.json")!;
        return JsonSerializer.Deserialize<List<NoiseVector>>(stream, s_options)!;
    }

    /// <summary>A payload and the message that carries it.</summary>
    public sealed record Message(string Payload, [property: System.Text.Json.Serialization.JsonPropertyName("message")] string Bytes);
}
