using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Peer;

/// <summary>A meeting of strangers: waiting for the other, and for the next one when somebody comes with a wrong code.</summary>
internal sealed partial class PeerLink
{
    private const string WrongCodeText = "The code is wrong: the other side has another secret part. Compare the code with the original; after three such tries it is burnt.";

    private PairingKey? _code;
    private Instant? _meetUntil;
    private bool _hasWaited;
    private int _missed;

    /// <summary>Whether this is a meeting: neither side has dialled the other.</summary>
    public bool IsMeeting => _meetUntil is not null;

    /// <summary>Whether this side came first, and the other is not there yet.</summary>
    public bool IsWaiting { get; private set; }

    private bool HasCode => _code is not null;

    private ReadOnlySpan<byte> Psk => _code is { } code ? code.Key : default;

    /// <summary>Asks to meet whoever comes with the same code, or in the lobby.</summary>
    public static PeerLink Meet(PeerContext context, Instant now, PairingKey? code)
    {
        var link = new PeerLink(context, context.NextConnection(), default, isIncoming: false) { _code = code, _meetUntil = now + RendezvousLimits.MaxMeetTimeout };
        link.AskToMeet(now);
        return link;
    }

    /// <summary>The other is not there yet: somebody may take longer to come than a connect.</summary>
    public void HandleWaiting(Instant now)
    {
        if (Session is not null || _isFinished) return;
        (IsWaiting, _hasWaited, _giveUpAt) = (true, true, _meetUntil);
        _context.Events.Enqueue(new PeerEvent.Waiting(Handle));
    }

    private void AskToMeet(Instant now)
    {
        string dialled = MeetingDialled.Of(_code?.PublicPart);
        Id = SessionId.Create(_context.Entropy);
        Handshake = SessionHandshake.Initiate(Id, _context.Options.Identity, PeerPin.None, dialled, Psk, _context.Entropy);
        _giveUpAt = now + _context.Options.ConnectTimeout;
        _context.Rendezvous.Meet(now, Id, _code?.PublicPart, new HandshakeOffer(HasCode ? HandshakePattern.XXpsk2 : HandshakePattern.XX, Handshake.Outgoing));
    }

    private void HandleIntroduced(Instant now, SessionPush push)
    {
        (IsWaiting, _giveUpAt) = (false, now + _context.Options.ConnectTimeout);

        // A stranger who claims a known name under another key stays nameless: what is known under that name does not change.
        bool isOther = push.RemoteName is { } name && _context.Options.KnownPeers.FindByName(name) is { } known && !known.Equals(push.RemoteKey);
        Name = HasCode && !isOther ? push.RemoteName : null;
        _context.Events.Enqueue(new PeerEvent.Introduced(Handle, push.Remote, push.Plan.Candidates));
    }

    /// <summary>
    /// Whoever came did not show the code: this side goes on waiting, until that has happened too often. Who came second to a meeting does not try again by
    /// itself: the code that was typed there may be the wrong one.
    /// </summary>
    /// <returns>False when this is no case for it, and the caller deals with the end.</returns>
    private bool TryMeetAgain(Instant now)
    {
        if (!_hasWaited || !HasCode || _isFinished || _isOpen || _meetUntil <= now) return false;
        _missed++;
        Forsake(now);
        int left = RendezvousLimits.MaxCodeFailures - _missed;
        if (left == 0)
        {
            Fail(now, PeerError.WrongCode, RendezvousError.CodeBurnt.Text);
            return true;
        }

        _context.Events.Enqueue(new PeerEvent.CodeMissed(Handle, left));
        AskToMeet(now);
        return true;
    }

    /// <summary>Drops what was begun with the stranger who came.</summary>
    private void Forsake(Instant now)
    {
        _context.Rendezvous.Release(now, Id);
        Session?.Close(now, 0, ""); // not open: says nothing, and forgets the keys
        Handshake?.Dispose();
        (Session, Handshake, Remote, Name) = (null, null, null, null);
        CloseConnections(now);
        CloseSockets(now);
        foreach (var connection in _connections) Reset(connection.Socket);
        (_punch, _relay, _active, _stopTcpAt, _generation, _isDuplicating) = (null, null, null, null, 0, false);
        _connections.Clear();
        _paths.Clear();
        Verdict = PathVerdict.Pending;
    }
}
