using System.Text.Json;
using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli;

/// <summary>A verdict as JSON, the same in every command.</summary>
internal static class VerdictJson
{
    /// <summary>Writes the fields of a verdict into an object that may have others too.</summary>
    public static void WriteFields(Utf8JsonWriter writer, PathVerdict verdict)
    {
        writer.WriteString("reason", verdict.Reason.ToString());
        writer.WriteString("blame", verdict.Blame.Code);
        writer.WriteString("method", verdict.Method.Code);
        writer.WriteString("sentence", verdict.Sentence);
        writer.WriteString("advice", verdict.Advice);
        writer.WriteNumber("checksSent", verdict.ChecksSent);
        writer.WriteNumber("checksReceived", verdict.ChecksReceived);
        writer.WriteNumber("answersReceived", verdict.AnswersReceived);
        WriteFacts(writer, "here", verdict.Here);
        WriteFacts(writer, "there", verdict.There);
        writer.WriteStartArray("tried");
        foreach (var attempt in verdict.Tried) WriteAttempt(writer, attempt);
        writer.WriteEndArray();
    }

    private static void WriteAttempt(Utf8JsonWriter writer, MethodAttempt attempt)
    {
        writer.WriteStartObject();
        writer.WriteString("method", attempt.Method.Code);
        writer.WriteString("outcome", attempt.Outcome.Code);
        writer.WriteNumber("packets", attempt.Packets);
        writer.WriteNumber("sockets", attempt.Sockets);
        writer.WriteMilliseconds("durationMs", attempt.Duration);
        writer.WriteString("detail", attempt.Detail);
        writer.WriteEndObject();
    }

    private static void WriteFacts(Utf8JsonWriter writer, string name, NatFacts facts)
    {
        writer.WriteStartObject(name);
        writer.WriteString("mapping", facts.Mapping.Code);
        writer.WriteString("filtering", facts.Filtering.Code);
        writer.WriteString("allocation", facts.Allocation.Code);
        writer.WriteNumber("step", facts.Step);
        writer.WriteNumber("lowestPort", facts.LowestPort);
        writer.WriteNumber("highestPort", facts.HighestPort);
        writer.WriteNumber("blockSize", facts.BlockSize);
        writer.WriteNumber("publicHosts", facts.PublicHosts);
        WriteAnswer(writer, "keepsParity", facts.KeepsParity);
        WriteAnswer(writer, "spoiledByStrangers", facts.IsSpoiledByStrangers);
        writer.WriteNumber("outerHops", facts.OuterHops);
        writer.WriteBoolean("portMapping", facts.HasPortMapping);
        writer.WriteBoolean("udpReachable", facts.UdpReachable);
        writer.WriteEndObject();
    }

    private static void WriteAnswer(Utf8JsonWriter writer, string name, bool? answer)
    {
        if (answer is { } known) writer.WriteBoolean(name, known);
        else writer.WriteNull(name);
    }
}
