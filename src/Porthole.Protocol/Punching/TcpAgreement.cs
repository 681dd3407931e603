using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Punching;

/// <summary>
/// A bare TCP punch may bring up several connections, and each side may see other ones first. In a few words on each, which lie before the program's first byte,
/// both find out that they mean each other, and agree on exactly one.
/// </summary>
/// <remarks>
/// Who connected says <see cref="PunchMessageKind.Probe"/>; who accepted says nothing until that has come: a stranger who connects gets nothing. Then the side with
/// the higher id says <see cref="PunchMessageKind.Chosen"/> on the first connection on which it hears the other, and the other answers
/// <see cref="PunchMessageKind.Agreed"/>. Nobody sends a byte of the program's before that, so each side reads exactly what is not the program's.
/// </remarks>
/// <param name="cookie">What both sides know.</param>
/// <param name="entropy">Where the id comes from.</param>
public sealed class TcpAgreement(ReadOnlyMemory<byte> cookie, EntropySource entropy)
{
    /// <summary>Every message is so long, in bytes.</summary>
    public const int MessageSize = PunchMessage.Size;

    /// <summary>The most connections at a time: more come only from somebody who floods.</summary>
    public const int MaxConnections = 64;

    /// <summary>How long the other side may take to speak: its SYN may have had to be repeated, and its word too.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    private readonly ulong _id = entropy.NextUInt64();
    private readonly List<Connection> _connections = [];
    private readonly Queue<(SocketId Connection, PunchMessage Message)> _outgoing = new();
    private readonly Queue<TcpAgreementEvent> _events = new();
    private Connection? _chosen;
    private SocketId? _agreed;

    private enum Progress
    {
        Waiting,
        Met,
        Chosen,
    }

    /// <summary>Whether the other side was heard on any connection.</summary>
    public bool HasMet { get; private set; }

    /// <summary>Whether the two agree.</summary>
    public bool IsOver => _agreed is not null;

    /// <summary>When to call <see cref="HandleDeadline"/>; null when nothing is to be waited for.</summary>
    public Instant? NextDeadline
    {
        get
        {
            Instant? next = null;
            foreach (var connection in _connections) next = Instant.Earlier(next, connection.PatientUntil);
            return IsOver ? null : next;
        }
    }

    /// <summary>A connection is up.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="connection">Its number.</param>
    /// <param name="isAccepted">Whether the listener took it.</param>
    public void Add(Instant now, SocketId connection, bool isAccepted)
    {
        if (IsOver || _connections.Count == MaxConnections)
        {
            _events.Enqueue(new TcpAgreementEvent.Dropped(connection));
            return;
        }

        _connections.Add(new Connection(connection, now + Patience) { MustSpeakFirst = !isAccepted });
        if (!isAccepted) Say(connection, PunchMessageKind.Probe, 0);
    }

    /// <summary>A message came.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="connection">On which connection.</param>
    /// <param name="bytes">The first, or next, <see cref="MessageSize"/> bytes.</param>
    public void HandleMessage(Instant now, SocketId connection, ReadOnlySpan<byte> bytes)
    {
        if (IsOver || _connections.Find(one => one.Id == connection) is not { } on) return;
        bool isPeer = PunchMessage.TryRead(bytes, cookie.Span, out var message) && message.Sender != _id && (message.Receiver == 0 || message.Receiver == _id);
        if (!isPeer || !TryAdvance(now, on, message)) Drop(on);
    }

    /// <summary>A connection broke.</summary>
    public void HandleClosed(SocketId connection)
    {
        if (IsOver || _connections.Find(one => one.Id == connection) is not { } closed) return;
        Forget(closed);
        ChooseNext();
    }

    /// <summary>Takes the passing of time: who does not speak is let go.</summary>
    public void HandleDeadline(Instant now)
    {
        foreach (var connection in _connections.ToArray())
        {
            if (!IsOver && connection.PatientUntil <= now) Drop(connection);
        }
    }

    /// <summary>Takes the next message to send; drain to false after every input.</summary>
    /// <param name="connection">On which connection.</param>
    /// <param name="destination">At least <see cref="MessageSize"/> bytes.</param>
    public bool TryWrite(out SocketId connection, Span<byte> destination)
    {
        connection = default;
        if (!_outgoing.TryDequeue(out var next)) return false;
        connection = next.Connection;
        next.Message.Write(destination, cookie.Span);
        return true;
    }

    /// <summary>Takes the next event, behind the messages; drain to false after every input.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out TcpAgreementEvent? happened) => _events.TryDequeue(out happened);

    /// <summary>One step of the exchange.</summary>
    /// <returns>False when the message has no place here.</returns>
    private bool TryAdvance(Instant now, Connection on, in PunchMessage message)
    {
        switch (message.Kind)
        {
            case PunchMessageKind.Probe when on.Progress == Progress.Waiting:
                (on.Progress, on.Peer, on.PatientUntil, HasMet) = (Progress.Met, message.Sender, now + Patience, true);
                if (!on.MustSpeakFirst) Say(on.Id, PunchMessageKind.Probe, on.Peer);
                ChooseNext();
                return true;
            case PunchMessageKind.Chosen when on.Progress == Progress.Met && message.Sender == on.Peer && on.Peer > _id:
                Say(on.Id, PunchMessageKind.Agreed, on.Peer);
                Agree(on);
                return true;
            case PunchMessageKind.Agreed when on.Progress == Progress.Chosen && message.Sender == on.Peer:
                Agree(on);
                return true;
            default:
                return false;
        }
    }

    private void ChooseNext()
    {
        if (_chosen is not null) return;
        _chosen = _connections.Find(one => one.Progress == Progress.Met && _id > one.Peer);
        if (_chosen is null) return;
        _chosen.Progress = Progress.Chosen;
        Say(_chosen.Id, PunchMessageKind.Chosen, _chosen.Peer);
    }

    private void Agree(Connection on)
    {
        _agreed = on.Id;
        _events.Enqueue(new TcpAgreementEvent.Agreed(on.Id));
        foreach (var other in _connections)
        {
            if (other != on) _events.Enqueue(new TcpAgreementEvent.Dropped(other.Id));
        }
    }

    private void Drop(Connection connection)
    {
        _events.Enqueue(new TcpAgreementEvent.Dropped(connection.Id));
        Forget(connection);
        ChooseNext();
    }

    private void Forget(Connection connection)
    {
        _connections.Remove(connection);
        if (_chosen == connection) _chosen = null;
    }

    private void Say(SocketId connection, PunchMessageKind kind, ulong peer) => _outgoing.Enqueue((connection, new PunchMessage(kind, _id, peer, 1, 0)));

    private sealed class Connection(SocketId id, Instant patientUntil)
    {
        public SocketId Id { get; } = id;

        public bool MustSpeakFirst { get; init; }

        public Progress Progress { get; set; }

        public ulong Peer { get; set; }

        public Instant PatientUntil { get; set; } = patientUntil;
    }
}
