using System.Diagnostics.Metrics;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Server;

/// <summary>The instruments of the meter <c>Porthole.Server</c>. Tags have few values: methods and reasons, never addresses, networks or names.</summary>
public static class ServerMetrics
{
    /// <summary>The name of the meter.</summary>
    public const string MeterName = "Porthole.Server";

    private static readonly Meter s_meter = new(MeterName);

    private static readonly Counter<long> s_punches =
        s_meter.CreateCounter<long>("porthole.server.punches", "{punch}", "Punches that were decided, by what led to a direct path, or why nothing did.");

    internal static void PunchDecided(RendezvousServerEvent.PunchDecided decided) => s_punches.Add(
        1,
        new KeyValuePair<string, object?>("porthole.method", decided.Method.Code),
        new KeyValuePair<string, object?>("porthole.reason", decided.Reason.ToString()));
}
