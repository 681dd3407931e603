using Porthole.Protocol.Peer;

namespace Porthole.Cli.Transfer;

/// <summary>Tells what happens to the peer of a transfer beside the transfer itself: its registration, the waiting at a code, a server that comes and goes.</summary>
/// <param name="view">Where it is told.</param>
/// <param name="json">Whether that is JSON.</param>
/// <param name="stop">Is cancelled when the registration is lost for good.</param>
internal sealed class NodeWatch(ITransferView view, bool json, CancellationTokenSource stop)
{
    private readonly PeerEventLog _log = new();
    private bool _isRegistered;
    private bool _isLost;
    private bool _isWarned;

    /// <summary>Why the registration is lost for good; null while it is not.</summary>
    public ServerState? Fatal { get; private set; }

    /// <summary>Begins to watch a peer that is about to be started.</summary>
    public PeerOptions Watch(PeerOptions options)
    {
        _log.Handle((happened, _) => Handle(happened, options));
        return options with { Observer = _log.Observe };
    }

    /// <summary>The peer has been started.</summary>
    /// <param name="node">The peer.</param>
    /// <param name="text">What people are told of it; null for nothing.</param>
    public void Started(PeerNode node, string? text)
    {
        if (json) PeerJson.WriteRegistered(node);
        else view.Say(null, text);
        _isRegistered = true;
        node.ServerChanged += (_, state) => HandleServer(state);
    }

    /// <summary>Completes when all is told.</summary>
    public Task CompleteAsync() => _log.CompleteAsync();

    private void Handle(PeerEvent happened, PeerOptions options)
    {
        if (!_isWarned && UdpWarning.Applies(happened, options))
        {
            _isWarned = true;
            view.Warn(UdpWarning.Text(options.Server));
        }

        switch (happened)
        {
            case PeerEvent.Waiting:
                view.Say("waiting", "Waiting for the other side with the same code. Ctrl-C takes it back.");
                break;
            case PeerEvent.CodeMissed missed:
                view.Say(
                    "wrong-code",
                    $"Somebody came and did not have the code. {missed.Left} more such {(missed.Left == 1 ? "try burns" : "tries burn")} it.",
                    writer => writer.WriteNumber("left", missed.Left));
                break;
            case PeerEvent.TurnedAway away:
                view.Say(null, Words.Safe(away.Text));
                break;
        }
    }

    private void HandleServer(ServerState state)
    {
        if (stop.IsCancellationRequested) return; // the command is ending, and closes its peer itself
        if (state is { IsRegistered: false, WillRetry: false })
        {
            Fatal = state;
            stop.Cancel();
        }
        else if (!state.IsRegistered && _isRegistered && !_isLost)
        {
            _isLost = true;
            view.Say("server-lost", $"The server is lost: {state.Text} Trying again; what goes over a direct path goes on.", writer => writer.WriteString("text", state.Text));
        }
        else if (state.IsRegistered && _isLost)
        {
            _isLost = false;
            view.Say("server-back", "The server is there again.");
        }
    }
}
