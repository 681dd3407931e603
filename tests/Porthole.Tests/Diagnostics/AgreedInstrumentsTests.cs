using System.Diagnostics.Metrics;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging;
using Porthole.Diagnostics;
using Porthole.Server;
using Porthole.Tests.Docs;

namespace Porthole.Tests.Diagnostics;

/// <summary>What alarms, filters and charts of others hold on to: the numbers of events and the names of instruments are the ones that were agreed on.</summary>
public sealed partial class AgreedInstrumentsTests
{
    private const string Agreed = "tests/Porthole.Tests/Diagnostics/Events.txt";

    [Fact]
    public void Event_ids_mean_what_they_meant()
    {
        Assembly[] assemblies = [typeof(PeerNode).Assembly, typeof(PortholeServer).Assembly, typeof(Porthole.AspNetCore.PeerEndPoint).Assembly];
        var events =
            from type in assemblies.SelectMany(static assembly => assembly.GetTypes())
            from method in type.GetMethods(BindingFlags.Static | BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            let message = method.GetCustomAttribute<LoggerMessageAttribute>()
            where message is not null
            orderby message.EventId
            select $"{message.EventId} {message.Level} {method.Name}({string.Join(", ", Holes().Matches(message.Message).Select(static hole => hole.Groups[1].Value))})";
        string[] actual = [.. events];
        string path = Path.Combine(Repository.Root, Agreed);
        if (Environment.GetEnvironmentVariable("PORTHOLE_ACCEPT_API") == "1") File.WriteAllLines(path, actual);
        else Assert.Empty(File.ReadAllLines(path).Except(actual)); // others may be added; run the tests once with PORTHOLE_ACCEPT_API=1
    }

    [Fact]
    public void The_page_names_every_instrument_with_its_unit_and_kind()
    {
        RuntimeHelpers.RunClassConstructor(typeof(PeerMetrics).TypeHandle);
        var published = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, _) =>
            {
                if (instrument.Meter.Name == PeerMetrics.MeterName) published.Add($"{instrument.Name} {instrument.Unit} {KindOf(instrument)}");
            },
        };
        listener.Start();
        string page = File.ReadAllText(Path.Combine(Repository.Root, "docs/aspnetcore.md"));
        Assert.Equal(Rows().Matches(page).Select(static row => $"{row.Groups[1].Value} {row.Groups[2].Value} {row.Groups[3].Value}").Order(StringComparer.Ordinal), published.Order(StringComparer.Ordinal));
    }

    private static string KindOf(Instrument instrument) => instrument switch
    {
        UpDownCounter<long> => "up-down counter",
        Counter<long> => "counter",
        Histogram<double> => "histogram",
        _ => instrument.GetType().Name,
    };

    [GeneratedRegex(@"\{(\w+)")]
    private static partial Regex Holes();

    [GeneratedRegex(@"^\| `(porthole\.[a-z_.]+)` \| `([^`]+)` \| ([a-z -]+?) \|", RegexOptions.Multiline)]
    private static partial Regex Rows();
}
