using System.Text.Json;
using System.Threading.Channels;
using Porthole.Lab.Nat;

namespace Porthole.Cli.Demo;

/// <summary>
/// The demo: a server, two port-restricted NATs and two peers, each a process of its own on loopback addresses. It shows the punch as it happens and a short chat over
/// the direct path. Every line it prints comes from an event of the run.
/// </summary>
internal sealed class DemoRun : IAsyncDisposable
{
    private static readonly (string Who, string Text)[] s_script =
    [
        ("alice", "Hello Bob, can you read me?"),
        ("bob", "Yes. Is there a server in between?"),
        ("alice", "No: from my NAT to yours, sealed end to end."),
        ("bob", "Good. Bye!"),
    ];

    private readonly DemoInternet _internet = new(Environment.ProcessId);
    private readonly DemoTimeline _timeline = new();
    private readonly DemoNarrator _narrator;
    private readonly List<DemoChild> _children = [];
    private readonly Channel<(DemoChild Child, JsonElement Event)> _events = Channel.CreateUnbounded<(DemoChild, JsonElement)>();
    private readonly string _folder = Directory.CreateTempSubdirectory("porthole-demo-").FullName;

    public DemoRun() => _narrator = new DemoNarrator(_timeline, _internet);

    /// <summary>Runs it all.</summary>
    /// <returns>Whether every word of the chat went directly.</returns>
    /// <exception cref="PeerException">Something did not come up; the message says what.</exception>
    public async Task<bool> RunAsync(CancellationToken cancellationToken)
    {
        _timeline.Heading("A server, two homes behind port-restricted NATs, and alice and bob in them: six processes on loopback addresses, no root.");
        string server = await StartServerAsync(cancellationToken).ConfigureAwait(false);
        var alice = await StartHomeAsync(_internet.Alice, server, cancellationToken).ConfigureAwait(false);
        var bob = await StartHomeAsync(_internet.Bob, server, cancellationToken).ConfigureAwait(false);
        await _timeline.FlushAsync().ConfigureAwait(false);

        _timeline.Heading("The punch. Times count from alice's call.");
        double began = (DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalMilliseconds;
        _narrator.BeginPunch(began);
        alice.Type("/connect bob");
        var direct = new HashSet<DemoChild>();
        while (direct.Count < 2)
        {
            var (child, happened) = await NextAsync("a direct path", cancellationToken).ConfigureAwait(false);
            if (DemoNarrator.Text(happened, "event") == "path" && DemoNarrator.Text(happened, "kind") == "udp") direct.Add(child);
        }

        await _timeline.FlushAsync().ConfigureAwait(false);
        _timeline.Heading("The chat.");
        bool isDirect = true;
        foreach (var (who, text) in s_script) isDirect &= await SayAsync(who == "alice" ? alice : bob, text, cancellationToken).ConfigureAwait(false);
        alice.Type("/quit");
        await _timeline.FlushAsync().ConfigureAwait(false);
        _timeline.Heading(isDirect
            ? $"Every word went directly from NAT to NAT; the server only introduced the two. The NATs dropped {_narrator.Dropped} of the packets that opened the way."
            : "Some of it went over the relay: the direct path was lost again.");
        return isDirect;
    }

    /// <summary>Ends every child, in every case.</summary>
    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_children.Select(static child => child.DisposeAsync().AsTask())).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _timeline.EndAsync().ConfigureAwait(false);
        try
        {
            Directory.Delete(_folder, recursive: true);
        }
        catch (IOException)
        {
            // Temporary; the system removes it some day.
        }
    }

    private async Task<string> StartServerAsync(CancellationToken cancellationToken)
    {
        var server = Start("server", "server", "--ip", _internet.Server, "--in-memory", "--json", "--until-end-of-input");
        var listening = await WaitAsync(server, "listening", cancellationToken).ConfigureAwait(false);
        string http = DemoNarrator.Text(listening, "http");
        Say("server", $"listens at {http}, STUN at {string.Join(", ", listening.GetProperty("stun").EnumerateArray().Select(static one => one.GetString()))}");
        return http;
    }

    private async Task<DemoChild> StartHomeAsync(DemoHome home, string server, CancellationToken cancellationToken)
    {
        var nat = Start(home.Nat, "lab", "nat", "--inside", home.Gateway + ":0", "--outside", home.Outside, "--profile", NatProfile.PortRestricted.Name, "--json", "--until-end-of-input");
        var listening = await WaitAsync(nat, "listening", cancellationToken).ConfigureAwait(false);
        Say(home.Nat, $"{DemoNarrator.Text(listening, "profile")}, {home.Outside} outside: lets in only whom {home.Name} has written to");
        var peer = Start(
            home.Name,
            "chat", "--as", home.Name, "--server", server, "--lab-network", $"{home.Host}@{DemoNarrator.Text(listening, "inside")}", "--accept", "anyone", "--checks", "--json");
        var registered = await WaitAsync(peer, "registered", cancellationToken).ConfigureAwait(false);
        Say(home.Name, $"at {home.Host} is registered, peer id {DemoNarrator.Text(registered, "peerId")[..8]}...");
        return peer;
    }

    private async Task<bool> SayAsync(DemoChild speaker, string text, CancellationToken cancellationToken)
    {
        speaker.Type(text);
        bool isDirect = true;
        var open = new HashSet<string> { "message", "delivered" };
        while (open.Count > 0)
        {
            var (_, happened) = await NextAsync("the delivery of a message", cancellationToken).ConfigureAwait(false);
            if (open.Remove(DemoNarrator.Text(happened, "event"))) isDirect &= DemoNarrator.Way(happened) == "direct";
        }

        return isDirect;
    }

    private DemoChild Start(string label, params string[] arguments)
    {
        var child = DemoChild.Start(
            label,
            _folder,
            (source, happened) =>
            {
                _narrator.Tell(source, happened);
                _events.Writer.TryWrite((source, happened));
            },
            arguments);
        _children.Add(child);
        return child;
    }

    private async Task<JsonElement> WaitAsync(DemoChild child, string name, CancellationToken cancellationToken)
    {
        while (true)
        {
            var (source, happened) = await NextAsync($"{child.Label} to start", cancellationToken).ConfigureAwait(false);
            if (source == child && DemoNarrator.Text(happened, "event") == name) return happened;
        }
    }

    private async Task<(DemoChild Child, JsonElement Event)> NextAsync(string what, CancellationToken cancellationToken)
    {
        var next = _events.Reader.ReadAsync(cancellationToken).AsTask();
        while (await Task.WhenAny(next, Task.Delay(TimeSpan.FromMilliseconds(100), CancellationToken.None)).ConfigureAwait(false) != next)
        {
            if (_children.FirstOrDefault(static child => child.HasExited) is { } dead)
            {
                throw new PeerException(Protocol.Peer.PeerError.Lost, $"The process of {dead.Label} ended while the demo waited for {what}. {dead.Complaints}");
            }
        }

        try
        {
            return await next.ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new PeerException(Protocol.Peer.PeerError.NoDirectPath, $"The demo waited for {what} in vain. {string.Join(' ', _children.Select(static child => child.Complaints))}".TrimEnd());
        }
    }

    private void Say(string who, string what) => _timeline.Line((DateTimeOffset.UtcNow - DateTimeOffset.UnixEpoch).TotalMilliseconds, who, what);
}
