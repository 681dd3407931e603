using System.Globalization;
using System.Text.Json;

namespace Porthole.Cli.Demo;

/// <summary>Turns the children's events into lines: who sent what, what a NAT dropped and why, which path won, who said what.</summary>
internal sealed class DemoNarrator(DemoTimeline timeline, DemoInternet internet)
{
    /// <summary>Sealed packets are told of until the path stands, and no more than these: a chat is many.</summary>
    private const int MaxSealed = 12;

    private readonly Lock _gate = new();
    private int _sealed;
    private bool _isPunching;

    /// <summary>Checks and sealed packets that the NATs dropped.</summary>
    public int Dropped { get; private set; }

    /// <summary>From now on the NATs' packets are told of.</summary>
    public void BeginPunch(double at)
    {
        timeline.StartClock(at);
        lock (_gate) _isPunching = true;
    }

    /// <summary>Tells of an event.</summary>
    public void Tell(DemoChild child, JsonElement e)
    {
        if (!e.TryGetProperty("at", out var time)) return;
        double at = time.GetDouble();
        lock (_gate)
        {
            switch (Text(e, "event"))
            {
                case "mapped":
                    timeline.Line(at, child.Label, $"opens {Text(e, "outside")} for {Name(Text(e, "inside"))} ({Text(e, "inside")}), who writes to {Name(Text(e, "remote"))}");
                    break;
                case "dropped":
                    TellDropped(child, e, at);
                    break;
                case "passed" when _isPunching && IsPeer(Text(e, "from")) && IsPeer(Text(e, "to")):
                    TellPassed(child, e, at);
                    break;
                case "calling":
                    timeline.Line(at, child.Label, $"calls {Text(e, "peer")} at the server");
                    break;
                case "connected":
                    timeline.Line(at, child.Label, $"has a session with {Text(e, "peer")}: keys agreed, sealed end to end");
                    break;
                case "path":
                    bool isDirect = Text(e, "kind") == "udp";
                    timeline.Line(
                        at,
                        child.Label,
                        isDirect ? $"moves to the direct path {Text(e, "local")} -> {Text(e, "remote")}, round trip {Number(e, "rttMs")} ms" : "can already talk over the server's relay",
                        isDirect ? DemoTimeline.Tone.Good : DemoTimeline.Tone.Plain);
                    break;
                case "check" when Text(e, "step") == "answered":
                    timeline.Line(at, child.Label, $"has an answer from {Name(Text(e, "remote"))} ({Text(e, "remote")})");
                    break;
                case "pair":
                    timeline.Line(at, child.Label, $"has a pair that works both ways; a sealed challenge of full size must pass, too");
                    break;
                case "message":
                    timeline.Line(at, child.Label, $"reads \"{Text(e, "text")}\" from {Text(e, "peer")} ({Way(e)})", DemoTimeline.Tone.Speech);
                    break;
                case "delivered":
                    timeline.Line(at, child.Label, $"knows it was delivered, after {Number(e, "rttMs")} ms ({Way(e)})");
                    break;
                case "failed":
                    timeline.Line(at, child.Label, Text(e, "text"), DemoTimeline.Tone.Bad);
                    break;
            }
        }
    }

    public static string Text(JsonElement e, string name) => e.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString()! : "";

    public static string Way(JsonElement e) => Text(e, "kind") switch
    {
        "udp" => "direct",
        "relay" => "RELAYED",
        var other => other,
    };

    private void TellDropped(DemoChild child, JsonElement e, double at)
    {
        string from = Text(e, "from");
        if (!_isPunching || !IsPeer(from)) return;
        Dropped++;
        timeline.Line(at, child.Label, $"DROPS {What(e)} of {Name(from)} ({from}) to {Text(e, "to")}: {Text(e, "reason")}", DemoTimeline.Tone.Bad);
    }

    private void TellPassed(DemoChild child, JsonElement e, double at)
    {
        if (Text(e, "kind") != "stun" && ++_sealed > MaxSealed) return;
        string what = Text(e, "kind") == "stun" ? "a check or an answer" : What(e);
        string from = Text(e, "from");
        if (Text(e, "direction") == "out") timeline.Line(at, Name(from), $"sends {what} to {Name(Text(e, "to"))}; it leaves the NAT as {Text(e, "outside")}");
        else timeline.Line(at, child.Label, $"lets {what} of {Name(from)} ({from}) in");
    }

    private bool IsPeer(string address) => Name(address) is var name && (name == internet.Alice.Name || name == internet.Bob.Name);

    /// <summary>Who an address belongs to, for the reader.</summary>
    private string Name(string address)
    {
        string host = address[..Math.Max(address.LastIndexOf(':'), 0)];
        if (host == internet.Server) return "the server";
        foreach (var home in new[] { internet.Alice, internet.Bob })
        {
            if (host == home.Outside || host == home.Host) return home.Name;
        }

        return "somebody";
    }

    private static string What(JsonElement e) => Text(e, "kind") == "stun"
        ? "a check"
        : string.Create(CultureInfo.InvariantCulture, $"a sealed packet ({(e.TryGetProperty("bytes", out var bytes) ? bytes.GetInt32() : 0)} bytes)");

    private static string Number(JsonElement e, string name) =>
        e.TryGetProperty(name, out var value) ? value.GetDouble().ToString("0.0", CultureInfo.InvariantCulture) : "?";
}
