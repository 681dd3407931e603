using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>
/// Finds out how long the NAT keeps a mapping that lies idle (RFC 5780 section 4.6): one socket opens a mapping and falls silent; later another asks the server to
/// answer to the first one's mapped port (RESPONSE-PORT, section 7.5). What arrives shows that the mapping lived that long.
/// </summary>
/// <remarks>
/// A part of a machine, with two sockets of its own, so that no mapping in use is put at risk. It climbs <see cref="Cliffs"/>, the idle times at which NATs are known to
/// forget, and stops at the first that is not survived: about seven minutes and forty small packets at most. Before the first cliff, and when one is not survived, it tries without
/// any silence: only if that works the silence was the reason.
/// </remarks>
/// <param name="entropy">For ids.</param>
/// <param name="nextSocket">Numbers the next socket of the machine.</param>
public sealed class LifetimeProbe(EntropySource entropy, Func<SocketId> nextSocket) : ISocketUser
{
    /// <summary>How much longer the silence is than the cliff: a NAT that forgets after 30 s may look once a second.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The silences that are tried, in seconds. Carriers forget after 10 s and more, many homes' gateways after 30 (as Linux does where nobody has answered), the others after 60, 120 (RFC 4787
    /// REQ-5) or 180 (Linux, where both have sent).
    /// </summary>
    public static readonly IReadOnlyList<int> Cliffs = [10, 20, 30, 60, 120, 180];

    /// <summary>Questions are few, and nobody waits for them: 0, 0.5, 1.5 s, given up after 3.5 s.</summary>
    private static readonly RetransmissionSchedule s_schedule = new(TimeSpan.FromMilliseconds(500), attempts: 3, lastWait: 4);

    private readonly Queue<SocketRequest> _requests = [];
    private TransportAddress _server;
    private ShortTermCredential? _credential;
    private SocketId _held;
    private SocketId _asking;
    private Step _step;
    private StunTransaction? _question;
    private TransportAddress _mapped;
    private Instant? _trialAt;
    private int _open;
    private int _cliff;
    private bool _isControl;
    private bool _isDoubted;
    private bool _isDue;

    private enum Step
    {
        Ended,
        Opening,
        Mapping,
        Silence,
        Trial,
    }

    /// <summary>Whether it is under way.</summary>
    public bool IsRunning => _step != Step.Ended;

    /// <summary>
    /// The longest silence that a mapping was seen to survive; zero if it did not survive the first. Null until the first cliff was tried, or where the method does not work: the server does
    /// not know RESPONSE-PORT, or the NAT gives the two sockets different addresses.
    /// </summary>
    public TimeSpan? Lifetime { get; private set; }

    /// <summary>When to call <see cref="HandleDeadline"/>; null when nothing is to be waited for.</summary>
    public Instant? NextDeadline => _step switch
    {
        Step.Silence => _trialAt,
        Step.Mapping or Step.Trial => _question?.NextDeadline,
        _ => null,
    };

    private TimeSpan Silence => _isControl ? TimeSpan.Zero : TimeSpan.FromSeconds(Cliffs[_cliff]) + Slack;

    /// <summary>Begins anew.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="local">The local address to measure from.</param>
    /// <param name="server">A STUN server that takes RESPONSE-PORT.</param>
    /// <param name="credential">The credential for it; null if it asks for none.</param>
    public void Start(Instant now, TransportAddress local, TransportAddress server, ShortTermCredential? credential)
    {
        Stop();
        (_server, _credential, _step, _open) = (server, credential, Step.Opening, 0);
        (_cliff, _isControl, _isDoubted, Lifetime) = (0, true, false, null);
        (_held, _asking) = (nextSocket(), nextSocket());
        _requests.Enqueue(new SocketRequest.UdpBind(_held, local.WithPort(0)) { IsTentative = true });
        _requests.Enqueue(new SocketRequest.UdpBind(_asking, local.WithPort(0)) { IsTentative = true });
    }

    /// <summary>Takes a new credential, in place of one that is about to end.</summary>
    public void SetCredential(ShortTermCredential? credential) => _credential = credential;

    /// <summary>Ends it; <see cref="Lifetime"/> stays.</summary>
    public void Stop()
    {
        if (!IsRunning) return;
        (_step, _question, _isDue) = (Step.Ended, null, false);
        _requests.Enqueue(new SocketRequest.Close(_held));
        _requests.Enqueue(new SocketRequest.Close(_asking));
    }

    /// <summary>Whether a socket is one of the two.</summary>
    public bool Owns(SocketId socket) => IsRunning && (socket == _held || socket == _asking);

    /// <summary>Takes what became of a socket.</summary>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when Owns(opened.Socket):
                if (++_open == 2 && _step == Step.Opening) Ask(now, Step.Mapping);
                break;
            case SocketEvent.Failed failed when Owns(failed.Socket):
                Stop();
                break;
        }
    }

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams) HandleDatagram(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram));
    }

    /// <summary>Takes a datagram.</summary>
    /// <returns>Whether it came to one of the two sockets: it is for nobody else.</returns>
    public bool HandleDatagram(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> datagram)
    {
        if (!Owns(socket)) return false;
        if (_question is not { } question || remote != _server || !StunReader.TryParse(datagram, out var message) || !ProbeMessage.IsAnswer(message)) return true;
        if (message.TransactionId != question.Id) return true;
        var verdict = ProbeMessage.Judge(message, _credential, _server, out var mapped, out _);
        if (verdict == ProbeVerdict.Worthless) return true;
        if (verdict != ProbeVerdict.Mapped)
        {
            Stop(); // the server does not do this
            return true;
        }

        // The answer to a trial counts where it was to come to: an old server answers to where it was asked from.
        if (socket != _held || !question.TryComplete(now, message.TransactionId)) return true;
        _isDue = false;
        if (_step == Step.Mapping) HandleMapped(now, mapped);
        else HandleSurvived(now);
        return true;
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now)
    {
        if (_step == Step.Silence && _trialAt <= now) Ask(now, Step.Trial);
        if (_question is not { } question || _step is not (Step.Mapping or Step.Trial)) return;
        if (question.TryBeginAttempt(now)) _isDue = true;
        else if (question.State == StunTransactionState.TimedOut) HandleSilence(now);
    }

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_isDue || _question is null || !writer.TryReserve(ProbeMessage.MaxRequest, out var segment)) return false;
        _isDue = false;
        writer.Begin(_step == Step.Mapping ? _held : _asking, _server);
        writer.Commit(WriteRequest(segment, _question.Id));
        return true;
    }

    /// <inheritdoc/>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    private int WriteRequest(Span<byte> destination, TransactionId id)
    {
        var request = new StunWriter(destination, StunClass.Request, StunMethod.Binding, id);
        if (_step == Step.Trial) request.WriteUInt32(StunAttributeType.ResponsePort, (uint)_mapped.Port << 16); // 16 bits of port, 16 reserved (RFC 5780 section 7.5)
        if (_credential is not null)
        {
            request.WriteBytes(StunAttributeType.Username, _credential.UsernameBytes);
            request.WriteIntegritySha256(_credential.Key);
        }

        request.WriteFingerprint();
        return request.Length;
    }

    private void Ask(Instant now, Step step)
    {
        _step = step;
        _question = new StunTransaction(TransactionId.Create(entropy), s_schedule, now);
        _isDue = _question.TryBeginAttempt(now);
    }

    private void HandleMapped(Instant now, TransportAddress mapped)
    {
        (_mapped, _question, _step, _trialAt) = (mapped, null, Step.Silence, now + Silence);
        if (_isControl) Ask(now, Step.Trial);
    }

    private void HandleSurvived(Instant now)
    {
        if (_isControl && _isDoubted)
        {
            // The trial works without silence, and did not work after it: that cliff was too high.
            Lifetime ??= TimeSpan.Zero;
            Stop();
            return;
        }

        if (_isControl) _isControl = false;
        else (Lifetime, _cliff) = (TimeSpan.FromSeconds(Cliffs[_cliff]), _cliff + 1);
        if (_cliff == Cliffs.Count) Stop();
        else Ask(now, Step.Mapping);
    }

    private void HandleSilence(Instant now)
    {
        // The server is silent altogether, or the method does not work here.
        if (_step == Step.Mapping || _isControl)
        {
            Stop();
            return;
        }

        (_isControl, _isDoubted) = (true, true);
        Ask(now, Step.Mapping);
    }
}
