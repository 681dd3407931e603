using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole.Protocol.Peer;

/// <summary>
/// One connection to one peer: the session, the paths it may use, and the punch that looks for better ones. It is told what concerns it, decides, and
/// says what happened through <see cref="PeerContext.Events"/>. How paths are proved and left is in PeerLink.Paths.cs, how it ends in PeerLink.Ending.cs.
/// </summary>
internal sealed partial class PeerLink
{
    /// <summary>How long a call rings at most: longer than an honest server lets it, so that only the forgotten end this way.</summary>
    private static readonly TimeSpan s_ringTimeout = TimeSpan.FromMinutes(3);

    private readonly PeerContext _context;
    private Instant? _giveUpAt;
    private bool _isOpen;
    private bool _isFinished;

    private PeerLink(PeerContext context, ConnectionHandle handle, SessionId id, bool isIncoming)
    {
        (_context, Handle, Id, IsIncoming, _fresh) = (context, handle, id, isIncoming, new FreshSockets(context));
    }

    public ConnectionHandle Handle { get; }

    public SessionId Id { get; private set; }

    /// <summary>Whether the program hears of it as somebody else's call.</summary>
    public bool IsIncoming { get; }

    public PeerSession? Session { get; private set; }

    /// <summary>The name that was dialled, or that the caller goes by.</summary>
    public string? Name { get; private set; }

    /// <summary>Whether the program has taken the call it was asked about.</summary>
    public bool IsAccepted { get; private set; }

    /// <summary>Whether the program was asked about this call and has not answered.</summary>
    public bool IsUnanswered => IsIncoming && WasAnnounced && !IsAccepted && Session is null && !_isFinished;

    /// <summary>Whether the peer is being asked.</summary>
    public bool IsRinging { get; private set; }

    /// <summary>Whether this is a call whose caller has proved nothing yet.</summary>
    public bool IsHalfOpen => IsIncoming && !_isOpen && !_isFinished;

    public PeerId? Remote { get; private set; }

    private InstanceId RemoteInstance { get; set; }

    /// <summary>Whether nothing is left to do: the machine forgets the link.</summary>
    public bool IsOver => _isFinished && Session is null or { State: SessionState.Closed };

    public PeerTarget? Target { get; private init; }

    private SessionHandshake? Handshake { get; set; }

    public Instant? NextDeadline
    {
        get
        {
            var next = Instant.Earlier(_giveUpAt, Session?.NextDeadline);
            if (_isFinished) return next;
            next = Instant.Earlier(Instant.Earlier(next, _returnBy), PunchDeadline);
            next = Instant.Earlier(next, MeasureDeadline);
            return MayPunch ? Instant.Earlier(next, _schedule.Next) : next;
        }
    }

    /// <summary>Calls a peer: the first handshake message goes out with the request.</summary>
    public static PeerLink Dial(PeerContext context, Instant now, PeerTarget target, PublicKey? pin)
    {
        var id = SessionId.Create(context.Entropy);
        string dialled = target.Name ?? target.ToString(); // of bob@ID the server is asked for bob; whether it is the ID, the handshake proves
        var link = new PeerLink(context, context.NextConnection(), id, isIncoming: false)
        {
            Target = target,
            Name = target.Name,
            Remote = target.Id ?? pin?.PeerId,
            Handshake = SessionHandshake.Initiate(
                id,
                context.Options.Identity,
                pin is not null ? PeerPin.To(pin) : target.Id is { } asked ? PeerPin.To(asked) : PeerPin.None,
                dialled,
                psk: default,
                context.Entropy),
            _giveUpAt = now + context.Options.ConnectTimeout,
        };
        var offer = new HandshakeOffer(link.Handshake.Pattern == NoisePattern.IK ? HandshakePattern.IK : HandshakePattern.XX, link.Handshake.Outgoing);
        context.Rendezvous.Connect(now, id, new ConnectTarget(dialled), offer);
        return link;
    }

    /// <summary>Takes a call that the program was asked about; the push follows its answer.</summary>
    public static PeerLink Ring(PeerContext context, Instant now, SessionId id, PublicKey key, string? name) =>
        new(context, context.NextConnection(), id, isIncoming: true)
        {
            Name = name,
            Remote = key.PeerId,
            WasAnnounced = true,
            _giveUpAt = now + s_ringTimeout,
        };

    /// <summary>Takes a call that needs no question.</summary>
    public static PeerLink Answer(PeerContext context, SessionPush push) =>
        new(context, context.NextConnection(), push.Session, isIncoming: true) { Name = push.RemoteName, Remote = push.Remote };

    /// <summary>The program takes the call.</summary>
    public void Accept(Instant now)
    {
        IsAccepted = true;
        _giveUpAt = now + _context.Options.ConnectTimeout;
        _context.Rendezvous.Accept(now, Id);
    }

    /// <summary>Ends a call that rings for the program alone: the server, whose session begins, is told nothing.</summary>
    public void StopRinging(PeerError error, string text)
    {
        (_isFinished, _giveUpAt) = (true, null);
        _context.Events.Enqueue(new PeerEvent.Failed(Handle, error, text));
    }

    /// <summary>Ends a call that is half open, to make room.</summary>
    public void GiveUp(Instant now) => Fail(now, PeerError.LimitReached, "The call was not confirmed, and newer ones came.");

    /// <summary>The peer is being asked: its person may take longer than a connect.</summary>
    public void HandleRinging(Instant now)
    {
        if (Session is not null || IsIncoming || IsRinging || _isFinished) return; // once: a server must not keep a caller waiting for ever
        (IsRinging, _giveUpAt) = (true, now + s_ringTimeout);
        _context.Events.Enqueue(new PeerEvent.Ringing(Handle));
    }

    /// <summary>Takes the push that begins the session.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="push">The push.</param>
    /// <param name="main">The main connection.</param>
    public void HandlePush(Instant now, SessionPush push, SocketId main)
    {
        if (Session is not null || _isFinished) return; // a push that comes twice changes nothing
        (Id, RemoteInstance) = (push.Session, push.RemoteInstance);
        if (IsMeeting) HandleIntroduced(now, push);
        if (push.IsInitiator)
        {
            if (Handshake is null) return;
            if (Handshake.HandleToldKey(push.RemoteKey) != HandshakeVerdict.Accepted)
            {
                FailWrongKey(now);
                return;
            }

            Remote = push.Remote;
            Session = PeerSession.Initiate(now, _context.Options.Session, _context.Entropy, Handshake);
        }
        else
        {
            if (Remote is { } called && called != push.Remote)
            {
                FailWrongKey(now);
                return;
            }

            if (push.Offer is not { } offer
                || SessionHandshake.TryRespond(
                    push.Session, _context.Options.Identity, push.Remote, push.Dialled, Psk, offer.Message.Span, _context.Entropy, out var handshake)
                    != HandshakeVerdict.Accepted)
            {
                if (!TryMeetAgain(now)) Fail(now, PeerError.HandshakeFailed, "The caller's handshake could not be read: it is for another key, or of another version.");
                return;
            }

            Handshake = handshake!;
            Remote = push.Remote;
            Session = PeerSession.Respond(now, _context.Options.Session, _context.Entropy, Handshake);
            _giveUpAt ??= now + _context.Options.ConnectTimeout;
        }

        if (IsRinging) (IsRinging, _giveUpAt) = (false, now + _context.Options.ConnectTimeout);
        OpenRelay(now, main);
        StartPunch(now, push.Plan);
        Pump(now);
    }

    /// <summary>Both sides called at once and the other's session is the one that lives: this connection goes on with it.</summary>
    public void HandleSuperseded(Instant now, SessionId by, bool isElsewhere)
    {
        if (Session is not null || Id == by) return;
        if (isElsewhere)
        {
            Fail(now, PeerError.Closed, "The peer called at the same moment, and its call was taken.");
            return;
        }

        Id = by;
        Handshake = null;
    }

    /// <summary>Takes a sealed or handshake packet that came by the relay.</summary>
    public void HandleRelayed(Instant now, Span<byte> packet)
    {
        if (_relay is null || Session is null) return;
        Session.HandlePacket(now, _relay.Id, packet);
        Pump(now);
    }

    public void HandleDeadline(Instant now)
    {
        if (_giveUpAt <= now)
        {
            _giveUpAt = null;
            if (!_isOpen) FailLate(now);
        }

        if (_returnBy <= now)
        {
            _returnBy = null;
            if (Session is { State: < SessionState.Confirmed } && !TryMeetAgain(now)) Fail(now, PeerError.PeerOffline, "The peer left the server before the connection stood. It may be back soon; try again.");
        }

        Session?.HandleDeadline(now);
        if (!_isFinished)
        {
            _punch?.HandleDeadline(now);
            HandleTcpDeadline(now);
            HandleUdpDeadline(now);
            PunchAgain(now);
            MeasureAgain(now);
        }
        else
        {
            Release(now);
        }

        Pump(now);
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) =>
        TryWriteChecks(now, ref writer) || (Session is not null && Session.TryWrite(now, ref writer));

    /// <summary>The program closes the connection, or takes its call back.</summary>
    public void Close(Instant now, ulong code, string reason)
    {
        if (Session is null) Fail(now, PeerError.Closed, "The call was taken back.");
        else Session.Close(now, code, reason);
        Pump(now);
    }

    /// <summary>Brings what session and agent have to say to the program, and acts on it, until both are silent.</summary>
    public void Pump(Instant now)
    {
        bool more = true;
        while (more)
        {
            more = false;
            while (!_isFinished && _punch is { } punch && punch.Agent.TryTakeEvent(out var iceEvent))
            {
                HandleIceEvent(now, punch, iceEvent);
                more = true;
            }

            while (!_isFinished && _punch is { } recorded && recorded.Record.TryTakeChange(out var attempt))
            {
                _context.Events.Enqueue(new PeerEvent.MethodTried(Handle, attempt));
                more = true;
            }

            while (!_isFinished && _punch is { Tcp: { IsOpen: true } tcp } trying && tcp.Puncher.TryTakeEvent(out var punchEvent))
            {
                HandlePunchEvent(now, trying, punchEvent);
                more = true;
            }

            while (Session is not null && Session.TryTakeEvent(out var sessionEvent))
            {
                HandleSessionEvent(now, sessionEvent);
                more = true;
            }
        }

        AdaptKeepAlive(now);
    }

    private void HandleSessionEvent(Instant now, SessionEvent sessionEvent)
    {
        if (_isFinished) return; // nothing is told after the last event
        switch (sessionEvent)
        {
            case SessionEvent.HandshakeCompleted completed:
                Remote = completed.RemoteKey.PeerId;
                if (Handshake!.IsInitiator && !HasCode) Open(now, completed.RemoteKey);
                break;
            case SessionEvent.Confirmed:
                if (HasCode) _context.Rendezvous.ConfirmMeeting(now, Id);
                Open(now, Session!.RemoteKey!);
                _context.Events.Enqueue(new PeerEvent.Confirmed(Handle));
                break;
            case SessionEvent.PathValidated validated:
                HandlePathProved(now, validated);
                break;
            case SessionEvent.PathValidationFailed failed:
                HandlePathNotProved(now, failed.Path);
                break;
            case SessionEvent.PathSuspect suspect:
                HandlePathSuspect(now, suspect.Path);
                break;
            case SessionEvent.PathDead dead:
                HandlePathDead(now, dead.Path);
                break;
            case SessionEvent.PathRecovered recovered:
                HandlePathRecovered(now, recovered.Path);
                break;
            case SessionEvent.Closed closed:
                if (_isOpen || !TryMeetAgain(now)) Finish(now, ToClosed(closed));
                break;
            default:
                _context.Events.Enqueue(new PeerEvent.SessionActivity(Handle, sessionEvent));
                break;
        }
    }

    private void Open(Instant now, PublicKey key)
    {
        if (_isOpen || _isFinished) return;
        _isOpen = true;
        _giveUpAt = null;
        _context.Events.Enqueue(new PeerEvent.Opened(Handle, key, Name, IsMeeting ? !Session!.IsInitiator : IsIncoming) { IsAuthenticated = !IsMeeting || HasCode, Instance = RemoteInstance });
        if (_active is not null) _context.Events.Enqueue(new PeerEvent.PathChanged(Handle, _active.ToPublic()));
        Announce(now, IsRelayOnly ? VerdictReason.RelayOnly : _active is { IsDirect: true } ? VerdictReason.Direct : VerdictReason.Pending);
    }

    /// <summary>Whether the program knows the handle although the connection is not open: it was asked.</summary>
    private bool WasAnnounced { get; init; }
}
