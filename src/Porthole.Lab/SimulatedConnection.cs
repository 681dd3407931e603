using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>
/// One end of a TCP connection as its host sees it (RFC 9293, with Linux's times and its care about RSTs). What is left out: windows that the receiver
/// sets, TIME-WAIT, half-closed connections.
/// </summary>
internal sealed partial class SimulatedConnection : ISimulationTarget
{
    private enum State
    {
        /// <summary>The SYN may not leave yet.</summary>
        Waiting,

        SynSent,

        SynReceived,

        Established,

        Ended,
    }

    /// <summary>How often a SYN or SYN-ACK is repeated before the attempt fails: after 127 s (tcp_syn_retries), or 63 s (tcp_synack_retries).</summary>
    private const int SynRepeats = 6, SynAckRepeats = 5;

    /// <summary>Sequence numbers this far ahead are taken for the same connection's (RFC 5961 section 3.2: the window).</summary>
    private const int Window = 1 << 16;

    /// <summary>The first retransmission time-out (RFC 6298 section 2); each repetition doubles it.</summary>
    private static readonly TimeSpan s_firstTimeout = TimeSpan.FromSeconds(1);

    /// <summary>Between two answers to segments that do not fit (Linux: tcp_invalid_ratelimit; RFC 5961 section 7).</summary>
    private static readonly TimeSpan s_challengePause = TimeSpan.FromMilliseconds(500);

    private readonly SimulatedHost _host;
    private readonly TcpListenSocket? _listener;
    private SimulatedMachine? _machine;
    private State _state;
    private uint _first; // the number of the SYN; later of the last message that the other side has acknowledged
    private uint _expected; // of the next message from the other side
    private int _repeats;
    private Instant _deadline = Instant.Never;
    private Instant _wakeAt = Instant.Never;
    private Instant _nextChallenge;

    /// <summary>An attempt of a machine.</summary>
    public SimulatedConnection(SimulatedHost host, SimulatedMachine machine, SocketId id, TransportAddress local, TransportAddress remote) =>
        (_host, _machine, Id, Local, Remote) = (host, machine, id, local, remote);

    /// <summary>A connection that a SYN asks a listener for. The machine hears of it when the handshake is over.</summary>
    public SimulatedConnection(SimulatedHost host, TcpListenSocket listener, TransportAddress local, TransportAddress remote)
        : this(host, listener.Machine, default, local, remote) => _listener = listener;

    public SocketId Id { get; private set; }

    public TransportAddress Local { get; }

    public TransportAddress Remote { get; }

    private Simulation Simulation => _host.Simulation;

    private uint Next => _first + 1 + (uint)_flight.Count;

    /// <summary>Sends the SYN when its time has come.</summary>
    public void Start(Instant now, Instant notBefore)
    {
        if (notBefore > now) SetDeadline(notBefore);
        else SendSyn(now);
    }

    /// <summary>Answers a SYN for a listener.</summary>
    public void Answer(Instant now, uint sequence)
    {
        _first = Simulation.Chance.NextUInt32();
        AnswerSyn(now, sequence);
    }

    /// <summary>A segment has arrived.</summary>
    public void Receive(Instant now, SimulatedPacket packet)
    {
        switch (_state)
        {
            case State.SynSent:
                ReceiveInSynSent(now, packet.Tcp);
                break;
            case State.SynReceived:
                ReceiveInSynReceived(now, packet);
                break;
            case State.Established:
                ReceiveInEstablished(now, packet);
                break;
        }
    }

    /// <summary>An ICMP error quotes a segment. It ends an attempt, and nothing else (RFC 5461 section 4, RFC 1122 section 4.2.3.9).</summary>
    public void HandleError(uint sequence, PacketError error)
    {
        if (_state is not (State.SynSent or State.SynReceived) || sequence != _first) return; // a late one, about an earlier attempt
        if (error == PacketError.PortUnreachable) Fail(SocketFailure.Refused, "refused: port unreachable");
        else Fail(SocketFailure.Unreachable, "unreachable: prohibited on the way");
    }

    /// <summary>The machine gives the connection up.</summary>
    /// <param name="abortive">Whether what is unsent is thrown away.</param>
    public void Close(bool abortive)
    {
        if (_machine is null) return;
        bool finishes = _state == State.Established && !abortive;
        if (!finishes && _state is State.SynReceived or State.Established) SendReset();
        GiveUp(stays: finishes);
        if (finishes) Finish();
    }

    /// <summary>It is gone, and the other side is not told.</summary>
    public void Vanish() => GiveUp(stays: false);

    void ISimulationTarget.Happen(Instant now, SimulatedPacket? packet)
    {
        if (now != _wakeAt) return;
        _wakeAt = Instant.Never;
        if (_state == State.Ended) return;
        if (now < _deadline)
        {
            SetDeadline(_deadline); // it has moved since
            return;
        }

        switch (_state)
        {
            case State.Waiting:
                SendSyn(now);
                break;
            case State.SynSent:
                if (_repeats == SynRepeats) Fail(SocketFailure.TimedOut, "no answer");
                else Repeat(now, new TcpHeader(TcpBits.Syn, _first));
                break;
            case State.SynReceived:
                if (_repeats == SynAckRepeats) Fail(SocketFailure.TimedOut, "no answer");
                else Repeat(now, SynAck);
                break;
            case State.Established:
                HandleTimeout(now);
                break;
        }
    }

    private TcpHeader SynAck => new(TcpBits.Syn | TcpBits.Ack, _first, _expected);

    private void SendSyn(Instant now)
    {
        // Until now the socket was bound, no more: a SYN from there went to the listener.
        if (!_host.Tcp.TryAdd(this))
        {
            Fail(SocketFailure.InUse, "there is such a connection");
            return;
        }

        _state = State.SynSent;
        _first = Simulation.Chance.NextUInt32();
        SetDeadline(now + s_firstTimeout);
        Send(new TcpHeader(TcpBits.Syn, _first));
    }

    private void AnswerSyn(Instant now, uint sequence)
    {
        _state = State.SynReceived;
        _expected = sequence + 1;
        _repeats = 0;
        SetDeadline(now + s_firstTimeout);
        Send(SynAck);
    }

    private void Repeat(Instant now, in TcpHeader header)
    {
        _repeats++;
        SetDeadline(now + s_firstTimeout * (1 << _repeats));
        Send(header);
    }

    // RFC 9293 section 3.10.7.3.
    private void ReceiveInSynSent(Instant now, in TcpHeader segment)
    {
        bool acknowledges = segment.Bits.HasFlag(TcpBits.Ack);
        bool acceptable = acknowledges && segment.Acknowledgment == _first + 1;
        if (segment.Bits.HasFlag(TcpBits.Reset))
        {
            if (acceptable) Fail(SocketFailure.Refused, "refused");
        }
        else if (acknowledges && !acceptable)
        {
            Send(segment.ToReset()); // of an earlier attempt from the same port
        }
        else if (segment.Bits.HasFlag(TcpBits.Syn))
        {
            if (!acknowledges)
            {
                AnswerSyn(now, segment.Sequence); // the SYNs have crossed (section 3.5)
                return;
            }

            _expected = segment.Sequence + 1;
            Acknowledge();
            Establish(now);
        }
    }

    private void ReceiveInSynReceived(Instant now, SimulatedPacket packet)
    {
        var segment = packet.Tcp;
        bool acceptable = segment.Bits.HasFlag(TcpBits.Ack) && segment.Acknowledgment - (_first + 1) <= _flight.Count;
        if (segment.Bits.HasFlag(TcpBits.Reset))
        {
            // Only a RST with the right number counts (RFC 5961 section 3.2): that of a NAT which saw our SYN alone has none.
            if (segment.Sequence == _expected) Fail(SocketFailure.Refused, "refused");
        }
        else if (segment.Bits.HasFlag(TcpBits.Syn) && !segment.Bits.HasFlag(TcpBits.Ack))
        {
            if (segment.Sequence + 1 == _expected) Send(SynAck);
            else Challenge(now); // another attempt of the other side: it will say so
        }
        else if (!IsInWindow(segment))
        {
            Challenge(now); // RFC 9293 section 3.10.7.4, first: of another connection, behind a NAT that shows us under two ports
        }
        else if (segment.Bits.HasFlag(TcpBits.Ack) && !acceptable)
        {
            Send(segment.ToReset());
        }
        else if (acceptable)
        {
            Establish(now);
            if (_state == State.Established && !segment.Bits.HasFlag(TcpBits.Syn)) ReceiveInEstablished(now, packet);
        }
    }

    private bool IsInWindow(in TcpHeader segment) => segment.Bits.HasFlag(TcpBits.Syn)
        ? segment.Sequence + 1 == _expected
        : segment.Sequence - _expected < Window;

    private void Establish(Instant now)
    {
        _state = State.Established;
        _repeats = 0;
        SetDeadline(Instant.Never);
        _progressAt = now;
        if (_listener is null)
        {
            _machine!.HandleOpened(this);
        }
        else if (_host.Tcp.IsListening(_listener))
        {
            Id = _listener.Machine.NextAccepted();
            _listener.Machine.HandleAccepted(_listener, this);
        }
        else
        {
            SendReset();
            GiveUp(stays: false);
        }
    }

    private void Fail(SocketFailure reason, string detail)
    {
        var machine = _listener is not null && _state != State.Established ? null : _machine; // the machine has not heard of it yet
        GiveUp(stays: false);
        machine?.Lose(this, reason, detail);
    }

    private void GiveUp(bool stays)
    {
        if (_machine is not null) _host.Tcp.Release(Local);
        _machine = null;
        if (stays || _state == State.Ended) return;
        _state = State.Ended;
        ReturnBuffers();
        _host.Tcp.Remove(this);
    }

    // What was acknowledged already is no news as a selective acknowledgment.
    private TcpHeader Header(TcpBits bits, uint number) => new(bits, number, _expected, _expected - 1);

    // Says what is expected, to who may not know it. Not too often, or two connections that do not fit would answer each other for ever.
    private void Challenge(Instant now)
    {
        if (now < _nextChallenge) return;
        _nextChallenge = now + s_challengePause;
        Acknowledge();
    }

    private void Acknowledge() => Send(Header(TcpBits.Ack, Next));

    private void Acknowledge(uint selective) => Send(Header(TcpBits.Ack, Next) with { Selective = selective });

    private void SendReset() => Send(new TcpHeader(TcpBits.Reset | TcpBits.Ack, Next, _expected));

    private void Send(in TcpHeader header) => _host.SendSegment(Local, Remote, header, []);

    // The wake in the queue stays when the deadline moves away from it: it finds out.
    private void SetDeadline(Instant at)
    {
        _deadline = at;
        if (at >= _wakeAt) return;
        _wakeAt = at;
        Simulation.Schedule(at, this);
    }
}
