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
        writer.WriteString("gateway", verdict.Gateway);
        writer.WriteNumber("checksSent", verdict.ChecksSent);
        writer.WriteNumber("checksReceived", verdict.ChecksReceived);
        writer.WriteNumber("answersReceived", verdict.AnswersReceived);
        writer.WriteStartObject("here");
        WriteFields(writer, verdict.Here);
        writer.WriteEndObject();
        writer.WriteStartObject("there");
        WriteFields(writer, verdict.There);
        writer.WriteEndObject();
        writer.WriteString("hint", verdict.Hint?.Code);
        writer.WriteStartArray("planned");
        foreach (var method in verdict.Planned) writer.WriteStringValue(method.Code);
        writer.WriteEndArray();
        writer.WriteStartArray("tried");
        foreach (var attempt in verdict.Tried)
        {
            writer.WriteStartObject();
            WriteFields(writer, attempt);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
    }

    /// <summary>Writes the fields of one method as it was tried.</summary>
    public static void WriteFields(Utf8JsonWriter writer, MethodAttempt attempt)
    {
        writer.WriteString("method", attempt.Method.Code);
        writer.WriteString("outcome", attempt.Outcome.Code);
        writer.WriteNumber("packets", attempt.Packets);
        writer.WriteNumber("sockets", attempt.Sockets);
        writer.WriteMilliseconds("durationMs", attempt.Duration);
        writer.WriteString("detail", attempt.Detail);
    }

    /// <summary>Writes the fields of what a side knows of its NATs.</summary>
    public static void WriteFields(Utf8JsonWriter writer, NatFacts facts)
    {
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
        writer.WriteString("tcpMapping", facts.Tcp?.Mapping.Code);
        writer.WriteString("tcpAllocation", facts.Tcp?.Allocation.Code);
    }

    private static void WriteAnswer(Utf8JsonWriter writer, string name, bool? answer)
    {
        if (answer is { } known) writer.WriteBoolean(name, known);
        else writer.WriteNull(name);
    }
}
