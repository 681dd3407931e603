using System.Buffers;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab;

// The open connection: messages arrive once, whole and in order, whatever becomes of the segments.
internal sealed partial class SimulatedConnection
{
    /// <summary>What may be on its way unacknowledged: bytes, and messages.</summary>
    private const int MaxFlightBytes = 256 * 1024, MaxFlightMessages = 1024;

    /// <summary>What is on its way at first, and at least: ten full segments (RFC 6928).</summary>
    private const int FirstWindow = 10 * 1460;

    /// <summary>A message counts as lost when one has arrived that was sent this many later (RFC 5681 section 3.2: three duplicate ACKs).</summary>
    private const int ReorderingThreshold = 3;

    /// <summary>The least and the largest retransmission time-out: Linux's TCP_RTO_MIN, and a share of the minute after which the connection ends.</summary>
    private static readonly TimeSpan s_leastTimeout = TimeSpan.FromMilliseconds(200), s_largestTimeout = TimeSpan.FromSeconds(15);

    /// <summary>How long nothing may be acknowledged before the connection is given up.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(1);

    private readonly List<Message> _flight = []; // sent, not yet acknowledged; the first has the number after _first
    private readonly Queue<Message> _unsent = [];
    private Dictionary<uint, Message>? _early; // arrived before its turn
    private int _flightBytes;
    private int _unsentBytes;
    private int _window = FirstWindow;
    private long _sent; // transmissions so far
    private long _lastArrived; // the last of them that is known to have arrived
    private long _recovery; // losses of transmissions before this one are known to the window
    private Instant _progressAt;
    private TimeSpan _timeout = s_firstTimeout;
    private TimeSpan _roundTrip, _variation;
    private bool _congested;

    private sealed class Message(byte[] buffer, int length, bool isLast)
    {
        public byte[] Buffer { get; } = buffer;

        public int Length { get; } = length;

        /// <summary>Whether this is the FIN.</summary>
        public bool IsLast { get; } = isLast;

        /// <summary>The number of its last transmission.</summary>
        public long Order { get; set; }

        public Instant SentAt { get; set; }

        public bool IsRepeated { get; set; }

        public bool HasArrived { get; set; }
    }

    /// <summary>Sends one message.</summary>
    public void Send(ReadOnlySpan<byte> message)
    {
        if (_state != State.Established || _machine is null) return;
        Enqueue(message, isLast: false);
    }

    private void Finish() => Enqueue([], isLast: true);

    private void Enqueue(ReadOnlySpan<byte> bytes, bool isLast)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(bytes.Length);
        bytes.CopyTo(buffer);
        _unsent.Enqueue(new Message(buffer, bytes.Length, isLast));
        CountUnsent(bytes.Length);
        TransmitUnsent(Simulation.Now);
    }

    private void TransmitUnsent(Instant now)
    {
        bool idle = _flight.Count == 0;
        while (_flightBytes < _window && _flight.Count < MaxFlightMessages && _unsent.TryDequeue(out var message))
        {
            _flight.Add(message);
            _flightBytes += message.Length;
            Transmit(now, message, Next - 1);
            CountUnsent(-message.Length);
        }

        if (!idle || _flight.Count == 0) return;
        _progressAt = now;
        SetDeadline(now + _timeout);
    }

    private void Transmit(Instant now, Message message, uint number)
    {
        (message.Order, message.SentAt) = (++_sent, now);
        var bits = message.IsLast ? TcpBits.Fin | TcpBits.Ack : TcpBits.Ack;
        _host.SendSegment(Local, Remote, Header(bits, number) with { HasMessage = !message.IsLast }, message.Buffer.AsSpan(0, message.Length));
    }

    private void Repeat(Instant now, int index)
    {
        _flight[index].IsRepeated = true;
        Transmit(now, _flight[index], _first + 1 + (uint)index);
    }

    private void HandleTimeout(Instant now)
    {
        if (_flight.Count == 0)
        {
            SetDeadline(Instant.Never);
            return;
        }

        if (now - _progressAt >= s_patience)
        {
            Fail(SocketFailure.TimedOut, "no answer for a minute");
            return;
        }

        (_window, _recovery) = (FirstWindow, _sent);
        _timeout = _timeout * 2 < s_largestTimeout ? _timeout * 2 : s_largestTimeout;
        SetDeadline(Instant.Min(now + _timeout, _progressAt + s_patience));
        Repeat(now, _flight.FindIndex(static message => !message.HasArrived));
    }

    private void ReceiveInEstablished(Instant now, SimulatedPacket packet)
    {
        var segment = packet.Tcp;
        int ahead = (int)(segment.Sequence - _expected);
        if (segment.Bits.HasFlag(TcpBits.Reset))
        {
            // One that may be a guess is asked about (RFC 5961 section 3.2).
            if (ahead == 0) Fail(SocketFailure.Closed, "the other side reset it");
            else if (ahead is > 0 and < Window) Challenge(now);
            return;
        }

        if (segment.Bits.HasFlag(TcpBits.Syn))
        {
            Challenge(now); // our ACK was lost, or the other side knows nothing of the connection any more and will say so
            return;
        }

        HandleAcknowledgment(now, segment);
        if (_state == State.Established && (segment.HasMessage || segment.Bits.HasFlag(TcpBits.Fin))) Take(packet, ahead);
    }

    private void HandleAcknowledgment(Instant now, in TcpHeader segment)
    {
        if (_flight.Count == 0) return;
        int count = (int)(segment.Acknowledgment - (_first + 1));
        if (count < 0 || count > _flight.Count) return;
        for (int i = 0; i < count; i++) HandleArrival(now, _flight[i]);
        int selected = (int)(segment.Selective - (_first + 1));
        if (selected >= count && selected < _flight.Count) HandleArrival(now, _flight[selected]);
        for (int i = 0; i < count; i++) ArrayPool<byte>.Shared.Return(_flight[i].Buffer);
        _flight.RemoveRange(0, count);
        _first += (uint)count;
        if (count > 0)
        {
            _progressAt = now;
            SetDeadline(_flight.Count == 0 ? Instant.Never : now + _timeout);
        }

        RepeatLost(now);
        TransmitUnsent(now);
        if (_machine is null && _flight.Count == 0 && _unsent.Count == 0) GiveUp(stays: false); // the FIN has arrived
    }

    private void HandleArrival(Instant now, Message message)
    {
        if (message.HasArrived) return;
        message.HasArrived = true;
        _flightBytes -= message.Length;
        _lastArrived = Math.Max(_lastArrived, message.Order);
        // Slow start, then one segment more in each round (RFC 5681 section 3.1).
        if (_recovery == 0) _window += message.Length;
        else _window += (int)((long)message.Length * 1460 / _window);
        _window = Math.Min(_window, MaxFlightBytes);
        if (!message.IsRepeated) Measure(now - message.SentAt);
    }

    // RFC 6298 section 2.
    private void Measure(TimeSpan sample)
    {
        if (_roundTrip == TimeSpan.Zero) (_roundTrip, _variation) = (sample, sample / 2);
        else (_roundTrip, _variation) = (_roundTrip * 0.875 + sample * 0.125, _variation * 0.75 + (_roundTrip - sample).Duration() * 0.25);
        _timeout = _roundTrip + 4 * _variation;
        if (_timeout < s_leastTimeout) _timeout = s_leastTimeout;
    }

    private void RepeatLost(Instant now)
    {
        for (int i = 0; i < _flight.Count; i++)
        {
            var message = _flight[i];
            if (message.Order + ReorderingThreshold > _lastArrived)
            {
                if (message.IsRepeated) continue; // those behind it may be older
                break;
            }

            if (message.HasArrived) continue;
            if (message.Order > _recovery)
            {
                // Half of what was on its way, once for each round.
                (_window, _recovery) = (Math.Max(FirstWindow, _window / 2), _sent);
            }

            Repeat(now, i);
        }
    }

    private void Take(SimulatedPacket packet, int ahead)
    {
        var segment = packet.Tcp;
        bool isLast = segment.Bits.HasFlag(TcpBits.Fin);
        if (ahead != 0)
        {
            if (ahead is > 0 and < Window && (_early ??= []).TryAdd(segment.Sequence, null!))
            {
                byte[] buffer = ArrayPool<byte>.Shared.Rent(packet.Length);
                packet.Bytes.CopyTo(buffer);
                _early[segment.Sequence] = new Message(buffer, packet.Length, isLast);
            }

            Acknowledge(segment.Sequence);
            return;
        }

        uint number = _expected++;
        while (_early is not null && _early.ContainsKey(_expected)) _expected++;
        uint next = _expected;
        Acknowledge(segment.Sequence);
        Deliver(packet.Bytes, isLast);
        while (_state == State.Established && ++number != next)
        {
            _early!.Remove(number, out var message);
            Deliver(message!.Buffer.AsSpan(0, message.Length), message.IsLast);
            ArrayPool<byte>.Shared.Return(message.Buffer);
        }
    }

    private void Deliver(Span<byte> bytes, bool isLast)
    {
        if (isLast) Fail(SocketFailure.Closed, "the other side closed it");
        else _machine?.Receive(Simulation.Now, Id, Remote, bytes);
    }

    private void ReturnBuffers()
    {
        foreach (var message in _flight) ArrayPool<byte>.Shared.Return(message.Buffer);
        foreach (var message in _unsent) ArrayPool<byte>.Shared.Return(message.Buffer);
        _unsent.Clear();
        if (_early is null) return;
        foreach (var message in _early.Values) ArrayPool<byte>.Shared.Return(message.Buffer);
        _early = null;
    }

    private void CountUnsent(int change)
    {
        _unsentBytes += change;
        bool congested = _congested ? _unsentBytes > ConnectionEnd.WritableAt : _unsentBytes > ConnectionEnd.CongestedAt;
        if (congested == _congested || _machine is null) return;
        _congested = congested;
        _machine.HandleCongestion(Id, congested);
    }
}
