using Porthole.Protocol.Peer;

namespace Porthole.Cli.Forwarding;

/// <summary>Tells when the server is lost and found, and stops a command when the registration has failed for good.</summary>
internal sealed class ServerWatch
{
    private readonly ForwardingView _view;
    private readonly CancellationTokenSource _stop;
    private bool _isRegistered = true;

    public ServerWatch(PeerNode node, ForwardingView view, CancellationTokenSource stop)
    {
        (_view, _stop) = (view, stop);
        view.Registered(node);
        node.ServerChanged += (_, state) => Handle(node, state);
    }

    /// <summary>Why the command has to end; null while it has not.</summary>
    public (PeerError Error, string Text)? Fatal { get; private set; }

    /// <summary>Ends the command with an error.</summary>
    public void End(PeerError error, string text)
    {
        Fatal ??= (error, text);
        _stop.Cancel();
    }

    /// <summary>The exit code at the end.</summary>
    public int Finish()
    {
        if (Fatal is not { } fatal) return ExitCode.Success;
        Complaint.Write(fatal.Text);
        return ExitCode.Of(fatal.Error);
    }

    private void Handle(PeerNode node, ServerState state)
    {
        if (state is { IsRegistered: false, WillRetry: false, Error: { } error })
        {
            End(error, state.Text);
        }
        else if (state.IsRegistered != _isRegistered)
        {
            _isRegistered = state.IsRegistered;
            if (state.IsRegistered) _view.Registered(node);
            else _view.ServerLost(state.Text);
        }
    }
}
