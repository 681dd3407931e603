using Porthole.Protocol.Peer;

namespace Porthole.Cli;

/// <summary>Tells, in lines or as JSON, when a peer is registered and when its server is lost, and stops a command when the registration has failed for good.</summary>
internal sealed class ServerWatch
{
    private readonly bool _json;
    private readonly CancellationTokenSource _stop;
    private bool _isRegistered = true;

    /// <summary>Begins to watch.</summary>
    /// <param name="node">A peer that was just registered, which is told now and after each loss.</param>
    /// <param name="json">Whether it is told as JSON.</param>
    /// <param name="stop">Is cancelled when the registration has failed for good.</param>
    public ServerWatch(PeerNode node, bool json, CancellationTokenSource stop)
    {
        (_json, _stop) = (json, stop);
        TellRegistered(node);
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
            if (state.IsRegistered) TellRegistered(node);
            else if (_json) JsonLines.Write("server-lost", writer => writer.WriteString("text", state.Text));
            else Console.WriteLine($"The server is lost: {state.Text} Trying again.");
        }
    }

    private void TellRegistered(PeerNode node)
    {
        if (_json) PeerJson.WriteRegistered(node);
        else Console.WriteLine($"Registered as {node.Name ?? "(no name)"}, {node.Id}, at {node.Options.Server.Uri.Authority}. Ctrl-C stops it.");
    }
}
