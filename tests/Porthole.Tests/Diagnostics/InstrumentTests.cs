using System.Diagnostics.Metrics;
using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Porthole.Diagnostics;
using Porthole.Tests.AspNetCore;

namespace Porthole.Tests.Diagnostics;

/// <summary>What programs build alarms and charts on.</summary>
public sealed partial class InstrumentTests
{
    private static readonly string[] s_units = ["s", "By", "{connection}", "{stream}", "{change}", "{punch}", "{loss}", "{attempt}", "{request}", "{packet}", "{peer}", "{session}", "{error}"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void No_event_id_is_used_twice_and_none_is_without_a_number()
    {
        Assembly[] assemblies = [typeof(PeerNode).Assembly, typeof(global::Porthole.Server.PortholeServer).Assembly, typeof(Porthole.AspNetCore.PeerEndPoint).Assembly, typeof(Porthole.Lab.Simulation).Assembly];
        var events = assemblies
            .SelectMany(static assembly => assembly.GetTypes())
            .SelectMany(static type => type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
            .Select(static method => (Method: $"{method.DeclaringType!.Name}.{method.Name}", method.GetCustomAttribute<LoggerMessageAttribute>()?.EventId))
            .Where(static one => one.EventId is not null)
            .ToArray();
        Assert.True(events.Length > 25, $"{events.Length} events");
        Assert.All(events, static one => Assert.InRange(one.EventId!.Value, 2000, 2999));
        Assert.Empty(events.GroupBy(static one => one.EventId).Where(static group => group.Count() > 1).Select(static group => $"{group.Key}: {string.Join(", ", group)}"));
    }

    [Fact]
    public async Task Instruments_have_names_and_units_of_OpenTelemetry_and_count_what_goes_through()
    {
        var found = new Dictionary<string, Instrument>();
        long streams = 0, sent = 0, received = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (!instrument.Meter.Name.StartsWith(PeerMetrics.MeterName, StringComparison.Ordinal)) return;
                lock (found) found[instrument.Name] = instrument;
                listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (instrument.Name == "porthole.streams.active" && value > 0) Interlocked.Add(ref streams, value); // other tests' streams end meanwhile
            if (instrument.Name != "porthole.stream.io") return;
            foreach (var tag in tags)
            {
                if (tag is { Key: "network.io.direction", Value: "transmit" }) Interlocked.Add(ref sent, value);
                if (tag is { Key: "network.io.direction", Value: "receive" }) Interlocked.Add(ref received, value);
            }
        });
        listener.Start();
        await using var peers = await WebPeers.StartAsync(static app => app.MapGet("/", static () => new string('a', 100_000)));
        await peers.Client.GetStringAsync("/", Token);
        Assert.True(Volatile.Read(ref streams) >= 2 && Volatile.Read(ref sent) > 100_000 && Volatile.Read(ref received) > 100_000, $"{streams} {sent} {received}");
        Instrument[] published;
        lock (found) published = [.. found.Values]; // other tests may publish more
        Assert.Contains("porthole.connect.duration", published.Select(static instrument => instrument.Name));
        foreach (var instrument in published)
        {
            Assert.Matches(NamePattern(), instrument.Name);
            Assert.Contains(instrument.Unit, s_units);
            Assert.EndsWith(".", instrument.Description, StringComparison.Ordinal);
        }
    }

    [GeneratedRegex(@"^porthole(\.[a-z_]+)+$")]
    private static partial Regex NamePattern();
}
