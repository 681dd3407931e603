using System.Collections.Immutable;
using Porthole.Diagnostics;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole;

/// <summary>What the machine tells. Everything here but the end runs on the machine's thread, so the tables need no lock.</summary>
public sealed partial class PeerNode
{
    private readonly Dictionary<ConnectionHandle, Entry> _connections = [];
    private readonly List<TaskCompletionSource<ImmutableArray<PeerInfo>>> _peersAsked = [];
    private readonly List<TaskCompletionSource> _allowing = [];
    private readonly TaskCompletionSource<NatReport> _natReported = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _trustWrites = Task.CompletedTask;

    /// <summary>One connection, from the call to the end.</summary>
    /// <param name="Connection">The program's object.</param>
    /// <param name="Opened">Who waits for it; null for one that goes to <see cref="AcceptAsync"/>.</param>
    /// <param name="Began">The clock's stamp at the call.</param>
    private sealed record Entry(PeerConnection Connection, TaskCompletionSource<PeerConnection>? Opened, long Began);

    /// <summary>How many connections stand, and how many of them on direct paths.</summary>
    /// <exception cref="PeerException">The node was closed.</exception>
    internal Task<(int All, int Direct)> CountConnectionsAsync() => InvokeAsync((_, _) => (
        _connections.Values.Count(static entry => entry.Connection.RemoteKey is not null),
        _connections.Values.Count(static entry => entry.Connection.Path.IsDirect)));

    internal void Refuse(ConnectionHandle handle) => Post((machine, now) =>
    {
        machine.Refuse(now, handle);
        if (_connections.Remove(handle, out var entry)) Fail(entry, PeerError.Refused, "The call was refused here.");
    });

    private void TakeEvents(PeerMachine machine, Instant now)
    {
        while (machine.TryTakeEvent(out var happened))
        {
            Options.Observer?.Invoke(happened);
            Options.Trace?.OnEvent(happened);
            Handle(machine, now, happened);
        }
    }

    private void Handle(PeerMachine machine, Instant now, PeerEvent happened)
    {
        switch (happened)
        {
            case PeerEvent.Registered registered:
                Name = registered.Name;
                PeerLog.Registered(_logger, registered.Name ?? "-", registered.Id);
                SetServer(new ServerState(true, null, "Registered at the server.", true));
                _started.TrySetResult();
                break;
            case PeerEvent.ServerLost lost:
                HandleServerLost(lost);
                break;
            case PeerEvent.ServerKeyLearned learned:
                ServerKey = learned.Key;
                PeerLog.ServerKeyLearned(_logger, learned.Key.PeerId);
                WriteTrust(() => _knownServers.Trust(Options.Server, learned.Key, Options.TimeProvider.GetUtcNow()), null);
                break;
            case PeerEvent.NatReported reported:
                Nat = reported.Report;
                _natReported.TrySetResult(reported.Report);
                break;
            case PeerEvent.PortsMapped mapped:
                MappedPorts = mapped.Ports;
                PortMappingProblem = mapped.Problem;
                foreach (var port in mapped.Ports) PeerLog.PortMapped(_logger, port.ToString(), port.Gateway.Address);
                if (mapped.Problem is { } problem) PeerLog.PortNotMapped(_logger, problem);
                break;
            case PeerEvent.SocketsFailed failed:
                PeerLog.SocketsFailed(_logger, failed.Text);
                _started.TrySetException(new PeerException(failed.Error, failed.Text));
                break;
            case PeerEvent.PresenceChanged presence:
                if (PresenceChanged is { } handler) Raise(() => handler(this, new PresenceChange(presence.Peer, presence.Online)));
                break;
            case PeerEvent.PeersListed listed:
                foreach (var asked in _peersAsked) asked.TrySetResult(listed.Peers);
                _peersAsked.Clear();
                break;
            case PeerEvent.AllowListTaken:
                foreach (var waiting in _allowing) waiting.TrySetResult();
                _allowing.Clear();
                break;
            case PeerEvent.Incoming incoming:
                HandleIncoming(machine, now, incoming);
                break;
            case PeerEvent.TurnedAway away:
                PeerLog.TurnedAway(_logger, away.Name ?? away.Peer.Short, away.Text);
                break;
            case PeerEvent.Opened opened:
                HandleOpened(machine, now, opened);
                break;
            case PeerEvent.Failed failed:
                PeerLog.ConnectFailed(_logger, failed.Text);
                if (_connections.Remove(failed.Connection, out var lostEntry)) Fail(lostEntry, failed.Error, failed.Text);
                break;
            case PeerEvent.Confirmed confirmed:
                Find(confirmed.Connection)?.HandleConfirmed();
                break;
            case PeerEvent.PathChanged moved:
                HandlePath(moved);
                break;
            case PeerEvent.VerdictChanged verdict:
                PeerMetrics.VerdictChanged(verdict.Verdict);
                Find(verdict.Connection)?.HandleVerdict(verdict.Verdict);
                break;
            case PeerEvent.SessionActivity activity:
                Find(activity.Connection)?.HandleSession(activity.Event);
                break;
            case PeerEvent.Closed closed:
                HandleClosed(closed);
                break;
            case PeerEvent.Ringing or PeerEvent.Waiting or PeerEvent.Introduced or PeerEvent.CodeMissed or PeerEvent.PairFound or PeerEvent.CheckTraced:
                break; // for the observer alone
        }
    }

    private void HandleServerLost(PeerEvent.ServerLost lost)
    {
        string text = lost.Error == PeerError.WrongServerKey ? _knownServers.Changed(Options.Server).Message : lost.Text;
        SetServer(new ServerState(false, lost.Error, text, lost.WillRetry));
        if (lost.Error == PeerError.Closed && (_disposed != 0 || _hasLeft))
        {
            PeerLog.ServerLeft(_logger); // nothing that an operator should look at
        }
        else
        {
            PeerLog.ServerLost(_logger, text);
            PeerMetrics.ServerLost(lost.Error);
        }

        _started.TrySetException(new PeerException(lost.Error, text));
    }

    private void SetServer(ServerState state)
    {
        Server = state;
        if (ServerChanged is { } handler) Raise(() => handler(this, state));
    }

    private void HandleIncoming(PeerMachine machine, Instant now, PeerEvent.Incoming incoming)
    {
        var connection = new PeerConnection(this, incoming.Connection, isIncoming: true);
        var call = new IncomingCall(this, connection, incoming.Key, incoming.Name);
        if (_calls.Writer.TryWrite(call)) _connections[incoming.Connection] = new Entry(connection, call.Opened, Options.TimeProvider.GetTimestamp());
        else machine.Refuse(now, incoming.Connection); // nobody answers, and many call
    }

    private void HandleOpened(PeerMachine machine, Instant now, PeerEvent.Opened opened)
    {
        if (!_connections.TryGetValue(opened.Connection, out var entry))
        {
            entry = new Entry(new PeerConnection(this, opened.Connection, opened.IsIncoming), null, Options.TimeProvider.GetTimestamp());
            _connections[opened.Connection] = entry;
        }

        var connection = entry.Connection;
        connection.HandleOpened(opened);
        PeerLog.Opened(_logger, connection.RemoteLabel, opened.Key.PeerId, opened.IsIncoming);
        PeerMetrics.Opened(opened.IsIncoming, Options.TimeProvider.GetElapsedTime(entry.Began));
        if (opened.IsAuthenticated && (Options.RemembersCallers || !opened.IsIncoming)) Remember(connection);
        if (entry.Opened is { } waiting) waiting.TrySetResult(connection);
        else if (!_accepted.Writer.TryWrite(connection)) machine.Close(now, opened.Connection, 0, "The peer has too many connections that wait.");
    }

    /// <summary>Writes the peer down. The machine has compared its key with what is known before it opened the connection.</summary>
    internal void Remember(PeerConnection connection)
    {
        string? name = connection.RemoteName is { } called && PeerName.IsValid(called) ? PeerName.Normalize(called) : null;
        var (key, server) = (connection.RemoteKey, ServerKey?.PeerId ?? PeerId.Unknown);
        if (name is null ? _knownPeers.FindById(key.PeerId) is not null : key.Equals(_knownPeers.FindByName(server, name))) return;
        WriteTrust(() => _knownPeers.Trust(new KnownPeer(server, name, key, Options.TimeProvider.GetUtcNow())), connection.Handle);
    }

    /// <summary>Writes to a file, away from this thread and one at a time.</summary>
    private void WriteTrust(Action write, ConnectionHandle? about) => _trustWrites = _trustWrites.ContinueWith(
        _ =>
        {
            try
            {
                write();
            }
            catch (PeerException exception)
            {
                PeerLog.TrustNotWritten(_logger, exception.Message);
                // Another process met somebody else under that name at the same moment: this one is not to be trusted.
                if (exception.Error == PeerError.KeyChanged && about is { } handle) Post((machine, now) => machine.Close(now, handle, 0, "The key of the peer has changed."));
            }
        },
        CancellationToken.None,
        TaskContinuationOptions.None,
        TaskScheduler.Default);

    private void HandlePath(PeerEvent.PathChanged moved)
    {
        if (!_connections.TryGetValue(moved.Connection, out var entry)) return;
        PeerLog.PathChanged(_logger, entry.Connection.RemoteLabel, moved.Path.Kind, moved.Path.Remote);
        PeerMetrics.PathChanged(moved.Path, Options.TimeProvider.GetElapsedTime(entry.Began));
        entry.Connection.HandlePath(moved.Path);
    }

    private void HandleClosed(PeerEvent.Closed closed)
    {
        if (!_connections.Remove(closed.Connection, out var entry)) return;
        PeerLog.ConnectionClosed(_logger, entry.Connection.RemoteLabel, closed.Error, closed.Text);
        Fail(entry, closed.Error, closed.Text, closed.Code);
    }

    private PeerConnection? Find(ConnectionHandle handle) => _connections.GetValueOrDefault(handle)?.Connection;

    private static void Fail(Entry entry, PeerError error, string text, ulong code = 0)
    {
        if (entry.Connection.RemoteKey is not null) PeerMetrics.Closed(entry.Connection.IsIncoming);
        entry.Connection.HandleClosed(new ConnectionEnd(error, (long)Math.Min(code, PeerConnection.MaxCode), text));
        if (entry.Opened?.TrySetException(entry.Connection.EndException()) == true) _ = entry.Opened.Task.Exception; // seen, also when nobody waits
    }

    /// <summary>When the host has stopped nothing is told any more: whoever still waits is told that.</summary>
    private async Task WatchHostAsync()
    {
        Exception? defect = null;
        try
        {
            await _host.Completion.ConfigureAwait(false);
        }
        catch (Exception exception)
        {
            defect = exception;
        }

        var ended = ClosedException();
        foreach (var entry in _connections.Values) Fail(entry, PeerError.Closed, ended.Message);
        foreach (var asked in _peersAsked) asked.TrySetException(ended);
        foreach (var waiting in _allowing) waiting.TrySetException(ended);
        if (_started.TrySetException(ended)) _ = _started.Task.Exception;
        if (_natReported.TrySetException(ended)) _ = _natReported.Task.Exception;
        _accepted.Writer.TryComplete();
        _calls.Writer.TryComplete();
        await _trustWrites.ConfigureAwait(false);
        await _events.CompleteAsync().ConfigureAwait(false);
        if (Options.Identity is null) _identity.Dispose();
        if (defect is null) _stopped.SetResult();
        else _stopped.SetException(defect);
    }
}
