using Porthole.Cli.Terminal;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Chat;

/// <summary>What a person, or a script, types into a chat.</summary>
/// <param name="room">The chats.</param>
/// <param name="node">The peer.</param>
/// <param name="view">Where answers are shown.</param>
internal sealed class ChatCommands(ChatRoom room, PeerNode node, IChatView view)
{
    /// <summary>The commands, for help and completion.</summary>
    public static readonly (string Name, string Meaning)[] All =
    [
        ("/peers", "who is connected, on which path, and who is online"),
        ("/connect NAME", "call a peer: a name, a name with its id (bob@ID), or an id"),
        ("/accept [NAME]", "take a call"),
        ("/refuse [NAME]", "decline a call"),
        ("/verify NAME", "words to compare with them by voice: the same words mean that nobody is in between"),
        ("/send FILE [NAME]", "send a file or folder to everyone, or to one"),
        ("/accept-file [NAME]", "take what somebody wants to send"),
        ("/refuse-file [NAME]", "decline it"),
        ("/quit", "leave"),
        ("/help", "this list"),
    ];

    /// <summary>Six words, 96 bits of the hash: whoever is in between cannot try enough handshakes to hit them.</summary>
    private const int VerifiedBytes = 6 * Proquint.BytesPerWord;

    /// <summary>What goes where.</summary>
    public const string Usage = "A line goes to everyone you are connected to, 'NAME: text' to one. '//' at the start stands for one '/'.";

    /// <summary>The exit code of the first thing that could not be done; 0 for none.</summary>
    public int FirstFailure { get; private set; }

    /// <summary>Does what a line says.</summary>
    /// <returns>False when it says to quit.</returns>
    public async Task<bool> RunAsync(string line)
    {
        string text = line.Trim();
        if (text.Length == 0) return true;
        if (text[0] != '/' || text.StartsWith("//", StringComparison.Ordinal))
        {
            await SayAsync(text[0] == '/' ? text[1..] : text).ConfigureAwait(false);
            return true;
        }

        string[] words = text.Split(' ', 2, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        string argument = words.Length > 1 ? words[1] : "";
        switch (words[0])
        {
            case "/quit" or "/exit":
                return false;
            case "/help":
                view.Show(new ChatEvent.Help());
                break;
            case "/peers":
                await ShowPeersAsync().ConfigureAwait(false);
                break;
            case "/connect":
                await ConnectAsync(argument).ConfigureAwait(false);
                break;
            case "/accept":
                await room.AnswerAsync(argument, accept: true).ConfigureAwait(false);
                break;
            case "/refuse":
                await room.AnswerAsync(argument, accept: false).ConfigureAwait(false);
                break;
            case "/send":
                await SendAsync(argument).ConfigureAwait(false);
                break;
            case "/accept-file":
                AnswerOffer(argument, accept: true);
                break;
            case "/refuse-file":
                AnswerOffer(argument, accept: false);
                break;
            case "/verify":
                await VerifyAsync(argument).ConfigureAwait(false);
                break;
            default:
                Fail(PeerError.BadRequest, $"{Words.Safe(words[0])} is no command. Type /help.");
                break;
        }

        return true;
    }

    /// <summary>Calls a peer.</summary>
    public async Task ConnectAsync(string whom)
    {
        if (!PeerTarget.TryParse(whom, out var target)) Fail(PeerError.BadRequest, $"'{Words.Safe(whom)}' {Parsers.BadTarget}");
        else if (await room.ConnectAsync(target).ConfigureAwait(false) is { } failure) Remember(failure.Error);
    }

    private async Task SayAsync(string text)
    {
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        if (colon > 0 && room.Find(text[..colon]) is { } one)
        {
            string rest = text[(colon + 1)..].Trim();
            if (rest.Length > 0) await room.SendAsync([one], rest).ConfigureAwait(false);
            return;
        }

        var everyone = room.Everyone;
        if (everyone.Length > 0) await room.SendAsync(everyone, text).ConfigureAwait(false);
        else Fail(PeerError.PeerOffline, "Nobody is connected: the line was not sent. /connect NAME calls somebody.");
    }

    private async Task SendAsync(string argument)
    {
        if (!SendRequest.TryParse(argument, static path => Path.Exists(PathCompletion.Expand(path)), name => room.Find(name) is not null, out var request, out string? problem))
        {
            Fail(PeerError.BadRequest, problem);
            return;
        }

        ChatLink[] links = request.Peer is { } peer && room.Find(peer) is { } one ? [one] : room.Everyone;
        if (links.Length == 0) Fail(PeerError.PeerOffline, "Nobody is connected: nothing was sent. /connect NAME calls somebody.");
        else if (await room.SendFileAsync(links, PathCompletion.Expand(request.Path)).ConfigureAwait(false) is var code && FirstFailure == 0) FirstFailure = code;
    }

    private void AnswerOffer(string peer, bool accept)
    {
        if (room.Files.Answer(peer, accept)) return;
        string[] offerers = room.Files.Offerers;
        Fail(PeerError.BadRequest, offerers.Length == 0 ? "Nobody offers a file." : $"Say whose files: {string.Join(", ", offerers)}.");
    }

    private async Task ShowPeersAsync()
    {
        var links = room.Links;
        var missing = room.Missing;
        var peers = new List<ChatPeer>();
        foreach (var link in links) peers.Add(await DescribeAsync(link).ConfigureAwait(false));
        foreach (string caller in room.Callers) peers.Add(new ChatPeer(caller, ChatPeerState.Calling));
        foreach (var (peer, trouble) in missing) peers.Add(new ChatPeer(peer.Name ?? peer.Peer.Short, ChatPeerState.Missing, trouble ?? ""));
        if (!node.Server.IsRegistered)
        {
            view.Show(new ChatEvent.PeersListed(peers));
            Tell("Who else is online is not known: the server is lost at present.");
            return;
        }

        try
        {
            var others = (await node.GetPeersAsync().ConfigureAwait(false)).Where(peer => !links.Any(link => link.Connection.RemotePeerId == peer.Peer) && !missing.Any(one => one.Peer.Peer == peer.Peer));
            peers.AddRange(others.Select(static other => new ChatPeer(other.Name ?? other.Peer.Short, ChatPeerState.Online)));
        }
        catch (PeerException exception)
        {
            Fail(exception.Error, exception.Message);
        }

        view.Show(new ChatEvent.PeersListed(peers));
        if (peers.Count == 0) Tell("Nobody whom you may see is online. /connect NAME calls somebody.");
    }

    private static async Task<ChatPeer> DescribeAsync(ChatLink link)
    {
        if (!link.Ready.IsCompleted) return new ChatPeer(link.Label, ChatPeerState.Connecting);
        try
        {
            var report = await link.Connection.GetReportAsync().ConfigureAwait(false);
            var rtt = report.Paths.FirstOrDefault(static path => path.IsActive)?.SmoothedRoundTrip ?? report.Path.RoundTrip;
            return new ChatPeer(link.Label, ChatPeerState.Connected, report.Path, rtt, link.Undelivered, report.Path.IsDirect ? "" : report.Verdict.InFull);
        }
        catch (PeerException)
        {
            return new ChatPeer(link.Label, ChatPeerState.Leaving);
        }
    }

    private async Task VerifyAsync(string whom)
    {
        var link = whom.Length == 0 && room.Links is [var only] ? only : room.Find(whom);
        if (link is null)
        {
            Fail(PeerError.BadRequest, whom.Length == 0 ? "Say with whom: /verify NAME." : $"{Words.Safe(whom)} is not connected.");
            return;
        }

        try
        {
            var report = await link.Connection.GetReportAsync().ConfigureAwait(false);
            view.Show(new ChatEvent.Verified(link.Label, Proquint.Write(report.HandshakeHash.Span[..VerifiedBytes])));
        }
        catch (PeerException exception)
        {
            Fail(exception.Error, exception.Message);
        }
    }

    private void Tell(string text) => view.Show(new ChatEvent.Notice(text));

    private void Fail(PeerError error, string text)
    {
        view.Show(new ChatEvent.Failed(error, text));
        Remember(error);
    }

    private void Remember(PeerError error)
    {
        if (FirstFailure == 0) FirstFailure = ExitCode.Of(error);
    }
}
