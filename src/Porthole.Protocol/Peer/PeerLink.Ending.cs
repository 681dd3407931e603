using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Peer;

/// <summary>How a connection ends, or does not come about, and what the program is told of it.</summary>
internal sealed partial class PeerLink
{
    /// <summary>How long a peer that lost its main connection in the middle of the handshake is waited for: it connects again within a second or two, if it is alive.</summary>
    private static readonly TimeSpan s_returnTime = TimeSpan.FromSeconds(5);

    private Instant? _returnBy;
    private bool _isReleased;

    public void HandleRefused(Instant now, RendezvousError error)
    {
        if (Session is null) Fail(now, error.ToPeerError(), error.Text);
        else if (error == RendezvousError.UnknownSession) Reopen(now); // the server has forgotten it, the two peers have not
    }

    public void HandleSessionClosed(Instant now, SessionCloseReason reason)
    {
        if (!_isOpen && IsMeeting && reason != SessionCloseReason.PeerDisconnected)
        {
            if (!TryMeetAgain(now)) Fail(now, PeerError.Refused, "The other side ended the meeting before it began.");
            return;
        }

        if (Session is null)
        {
            if (reason != SessionCloseReason.PeerDisconnected) Fail(now, PeerError.Refused, "The call ended before it was answered.");
            return;
        }

        if (reason == SessionCloseReason.Released && Session.State < SessionState.Confirmed)
        {
            // Who cannot prove yet that it ends the session has nobody but the server to say so.
            Fail(now, PeerError.ClosedByPeer, "The peer ended the connection before it stood. It may have just left; try again.");
            return;
        }

        CloseRelay(now);
        if (reason != SessionCloseReason.PeerDisconnected) return;
        if (Session.State < SessionState.Confirmed) _returnBy = now + s_returnTime;
        Reopen(now);
    }

    /// <summary>The time for a connect is over: says what it waited for.</summary>
    private void FailLate(Instant now)
    {
        if (Session is not null && TryMeetAgain(now)) return;
        string patience = $"within {_context.Options.ConnectTimeout.TotalSeconds:0} s";
        if (Session is not null)
            Fail(now, PeerError.TimedOut, $"The peer did not answer the handshake {patience}. It may have just left; try again.");
        else if (!_context.Rendezvous.IsRegistered)
            Fail(now, PeerError.ServerUnreachable, $"The server was out of reach, so {(IsMeeting ? "nobody could be met" : "the peer could not be called")} {patience}. Check the network, or try again.");
        else if (IsRinging)
            Fail(now, PeerError.TimedOut, "The peer was asked, and nobody answered.");
        else if (IsWaiting)
            Fail(now, PeerError.TimedOut, RendezvousError.NobodyCame.Text);
        else if (IsIncoming)
            Fail(now, PeerError.TimedOut, IsAccepted ? $"The caller did not come {patience}." : "The call was not answered in time.");
        else
            Fail(now, PeerError.TimedOut, $"The server did not answer the call {patience}. Try again.");
    }

    private void FailWrongKey(Instant now)
    {
        bool wasAsked = Target?.Id is not null;
        Fail(
            now,
            wasAsked ? PeerError.WrongPeer : PeerError.KeyChanged,
            wasAsked
                ? "The peer that answers under this name does not hold the key that was asked for. Check the peer id."
                : "The key of this peer has changed since it was last met: it was reinstalled, or somebody else took its name. Ask it for its peer id and, if that is right, remove the old entry from the known peers.");
    }

    private void Fail(Instant now, PeerError error, string text)
    {
        if (_isFinished) return;
        Session?.Close(now, 0, "");
        if (_isOpen) Finish(now, new PeerEvent.Closed(Handle, error, 0, text));
        else Finish(now, new PeerEvent.Failed(Handle, error, text));
    }

    private PeerEvent ToClosed(SessionEvent.Closed closed)
    {
        var (error, text) = closed.Cause switch
        {
            SessionCloseCause.Application => (closed.ByPeer ? PeerError.ClosedByPeer : PeerError.Closed, closed.Reason),
            SessionCloseCause.Transport => (PeerError.ProtocolViolation, $"The connection was ended by {(closed.ByPeer ? "the peer" : "this side")}: {closed.Reason} (0x{closed.Code:x})."),
            SessionCloseCause.IdleTimeout => (PeerError.Lost, "Nothing came from the peer for the idle time-out, on any path."),
            SessionCloseCause.WrongKey => (Target?.Id is null ? PeerError.KeyChanged : PeerError.WrongPeer, "The peer that answered does not hold the key that was asked for, or that the server announced."),
            SessionCloseCause.WrongPsk => (PeerError.WrongCode, WrongCodeText),
            SessionCloseCause.HandshakeTimeout => (PeerError.TimedOut, "The peer did not answer the handshake in time. It may have just left; try again."),
        };
        return _isOpen ? new PeerEvent.Closed(Handle, error, closed.Code, text) : new PeerEvent.Failed(Handle, error, text);
    }

    private void Finish(Instant now, PeerEvent last)
    {
        if (_isFinished) return;
        _isFinished = true;
        _giveUpAt = null;
        _punch?.StopTcp(now);
        _punch?.Udp?.Stop(now);
        _punch = null;
        _context.Rendezvous.Refuse(now, Id);
        Release(now);

        // An incoming session that never opened was never announced; but one that the program was asked about was.
        if (_isOpen || !IsIncoming || WasAnnounced) _context.Events.Enqueue(last);
    }

    /// <summary>Gives the session back to the server, once its last words are said: they may go over the relay.</summary>
    private void Release(Instant now)
    {
        if (_isReleased || Session is { State: SessionState.Closing }) return;
        _isReleased = true;
        _context.Rendezvous.Release(now, Id);
    }
}
