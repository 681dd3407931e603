using System.Runtime.CompilerServices;

namespace Porthole.Lab.Nat;

/// <summary>
/// The whole world of <see cref="TcpPunchModel"/>: two NATs, the sockets of one port behind each, and what is on its way. A NAT's port 0 is the one that
/// the server saw; port 1 is another, where it has one for the other side.
/// </summary>
internal struct TcpPunchState : IEquatable<TcpPunchState>
{
    private const int Ports = 2;

    // Of each side: what each of its NAT's ports is for, plus one, or 0 while there is no mapping; whom each lets in, as bits; the connection of each port
    // with each of the other's, as the NAT tracks it; the port by which what is for each of the other's ports leaves, plus one; the host's socket towards
    // each of the other's ports; the segment on its way to the other side; the answer on its way to this one.
    private const int Keys = 0, Permits = Keys + Ports, Tracks = Permits + Ports, Routes = Tracks + Ports * Ports, Sockets = Routes + Ports,
        Segments = Sockets + Ports, Answers = Segments + 1, Size = Answers + 1;

    // What a mapping is for: the host of the other side, the server, or everybody; else a port of the other side.
    private const byte OtherHost = 6, ServerHost = 7, Everybody = 8;

    // A tracked connection: its state, and whether the first SYN came from outside.
    private const byte SynSent = 1, BothSyns = 2, SynReceived = 3, Established = 4, Closed = 5, StateMask = 7, OpenedOutside = 8;

    // A socket of a host.
    private const byte None = 0, Connecting = 1, Answering = 2, Open = 3;

    // On its way: the kind, then the sender's port and the receiver's, one bit each.
    private const byte Syn = 1, SynAck = 2, Ack = 3, Reset = 4, Unreachable = 5;

    private Bytes _bytes;

    [InlineArray(2 * Size)]
    private struct Bytes
    {
        private byte _first;
    }

    public static TcpPunchState Start(TcpPunchSide[] sides)
    {
        var state = default(TcpPunchState);
        for (int side = 0; side < 2; side++) state.MeetServer(sides[side], side);
        return state;
    }

    /// <summary>Whether the two hosts have one connection.</summary>
    public readonly bool IsConnected()
    {
        for (int first = 0; first < Ports; first++)
        {
            for (int second = 0; second < Ports; second++)
            {
                if (At(0, Sockets + second) == Open && At(1, Sockets + first) == Open
                    && At(0, Routes + second) == first + 1 && At(1, Routes + first) == second + 1)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>Adds every state that may come next.</summary>
    /// <param name="sides">The NATs.</param>
    /// <param name="targets">The port of the other side that each side connects to.</param>
    /// <param name="crossing">Whether anything may happen, or a loss, while something is on its way.</param>
    /// <param name="next">Takes the states.</param>
    public readonly void AddSteps(TcpPunchSide[] sides, int[] targets, bool crossing, List<TcpPunchState> next)
    {
        bool busy = (At(0, Segments) | At(0, Answers) | At(1, Segments) | At(1, Answers)) != 0;
        for (int side = 0; side < 2; side++)
        {
            TcpPunchState copy;
            if (At(side, Segments) != 0)
            {
                copy = this;
                copy.Deliver(sides, side);
                next.Add(copy);
                if (crossing) next.Add(With(side, Segments, 0));
            }

            if (At(side, Answers) != 0)
            {
                copy = this;
                copy.DeliverAnswer(sides[side], side);
                next.Add(copy);
                if (crossing) next.Add(With(side, Answers, 0));
            }

            if (busy && !crossing) continue;
            if (At(side, Keys) == 0)
            {
                copy = this;
                copy.MeetServer(sides[side], side);
                next.Add(copy);
            }

            for (int remote = 0; remote < Ports; remote++)
            {
                byte socket = At(side, Sockets + remote);
                if (socket == None && remote != targets[side]) continue;
                if (At(side, Segments) == 0)
                {
                    copy = this;
                    copy.Set(side, Sockets + remote, Math.Max(socket, Connecting));
                    copy.Send(sides[side], side, remote, socket switch { Answering => SynAck, Open => Ack, _ => Syn });
                    next.Add(copy);
                }

                if (socket == None) continue;
                copy = this;
                copy.Set(side, Sockets + remote, None);
                if (socket != Connecting) copy.Send(sides[side], side, remote, Reset);
                next.Add(copy);
            }
        }
    }

    public readonly bool Equals(TcpPunchState other) => ((ReadOnlySpan<byte>)_bytes).SequenceEqual(other._bytes);

    public override readonly bool Equals(object? obj) => obj is TcpPunchState other && Equals(other);

    public override readonly int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    private readonly byte At(int side, int index) => _bytes[side * Size + index];

    private void Set(int side, int index, byte value) => _bytes[side * Size + index] = value;

    private readonly TcpPunchState With(int side, int index, byte value)
    {
        var copy = this;
        copy.Set(side, index, value);
        return copy;
    }

    private static int TrackOf(int port, int remote) => Tracks + port * Ports + remote;

    private static byte Pack(byte kind, int from, int to) => (byte)(kind << 2 | from << 1 | to);

    // The connection to the server is made anew when its mapping is gone, and the other side is told.
    private void MeetServer(TcpPunchSide nat, int side)
    {
        byte key = nat.Mapping == NatMapping.EndpointIndependent ? Everybody : ServerHost;
        Set(side, Keys, (byte)(key + 1));
        Set(side, Permits, (byte)(At(side, Permits) | 1 << ServerHost));
    }

    private void Send(TcpPunchSide nat, int side, int remote, byte kind)
    {
        if (!TryLeave(nat, side, remote, kind, out int port)) return;
        if (At(side, Segments) == 0) Set(side, Segments, Pack(kind, port, remote)); // else it is lost
    }

    private bool TryLeave(TcpPunchSide nat, int side, int remote, byte kind, out int port)
    {
        port = At(side, Routes + remote) - 1;
        if (port >= 0 && At(side, TrackOf(port, remote)) != 0)
        {
            if (!TryFollow(nat, side, port, remote, kind, fromInside: true)) return false;
        }
        else
        {
            if (kind != Syn || !TryMap(nat, side, remote, out port)) return false;
            Set(side, TrackOf(port, remote), SynSent);
            Set(side, Routes + remote, (byte)(port + 1));
        }

        if (kind is Syn or SynAck) Set(side, Permits + port, (byte)(At(side, Permits + port) | Permit(nat, remote)));
        return true;
    }

    private bool TryMap(TcpPunchSide nat, int side, int remote, out int port)
    {
        byte key = nat.Mapping switch
        {
            NatMapping.EndpointIndependent => Everybody,
            NatMapping.AddressDependent => OtherHost,
            NatMapping.AddressAndPortDependent => (byte)remote,
        };
        for (port = 0; port < Ports; port++)
        {
            if (At(side, Keys + port) == key + 1) return true;
        }

        port = key == Everybody ? 0 : 1;
        if (At(side, Keys + port) != 0) return false;
        Set(side, Keys + port, (byte)(key + 1));
        return true;
    }

    private void Deliver(TcpPunchSide[] sides, int side)
    {
        int segment = At(side, Segments), other = 1 - side;
        byte kind = (byte)(segment >> 2);
        int from = segment >> 1 & 1, to = segment & 1;
        Set(side, Segments, 0);
        var nat = sides[other];
        byte track = At(other, TrackOf(to, from));
        if (track != 0 && !(kind == Syn && (track & StateMask) == Closed))
        {
            if (TryFollow(nat, other, to, from, kind, fromInside: false)) Receive(nat, other, to, from, kind);
            else if (kind == Syn) Refuse(nat, side, from, to);
        }
        else if (kind == Syn)
        {
            byte wanted = Permit(nat, from);
            if (At(other, Keys + to) == 0 || (At(other, Permits + to) & wanted) != wanted)
            {
                Refuse(nat, side, from, to);
                return;
            }

            Set(other, TrackOf(to, from), SynSent | OpenedOutside);
            Receive(nat, other, to, from, kind);
        }
    }

    private void Receive(TcpPunchSide nat, int side, int port, int remote, byte kind)
    {
        if (At(side, Keys + port) != 0) Set(side, Routes + remote, (byte)(port + 1)); // a RST may have ended the mapping
        byte socket = At(side, Sockets + remote);
        byte next = (kind, socket) switch
        {
            (Syn, None) => Answering, // the listener
            (Syn, Connecting) => Answering,
            (SynAck, Connecting) => Open,
            (SynAck or Ack, Answering) => Open,
            (Reset, Answering or Open) => None,
            _ => socket,
        };
        Set(side, Sockets + remote, next);
        if (socket == None && kind is SynAck or Ack) Send(nat, side, remote, Reset);
    }

    // An answer in the name of the port that a SYN went to.
    private void Refuse(TcpPunchSide nat, int side, int port, int remote)
    {
        if (nat.Answer == UnsolicitedSyn.Drop || At(side, Answers) != 0) return;
        Set(side, Answers, Pack(nat.Answer == UnsolicitedSyn.Reset ? Reset : Unreachable, port, remote));
    }

    private void DeliverAnswer(TcpPunchSide nat, int side)
    {
        int answer = At(side, Answers);
        int port = answer >> 1 & 1, remote = answer & 1;
        Set(side, Answers, 0);
        if (At(side, TrackOf(port, remote)) == 0) return;
        byte socket = At(side, Sockets + remote);
        if (answer >> 2 == Reset)
        {
            TryFollow(nat, side, port, remote, Reset, fromInside: false);
            if (socket == Connecting) Set(side, Sockets + remote, None); // later it has not the number that is expected
        }
        else if (socket is Connecting or Answering)
        {
            Set(side, Sockets + remote, None);
        }
    }

    private bool TryFollow(TcpPunchSide nat, int side, int port, int remote, byte kind, bool fromInside)
    {
        int index = TrackOf(port, remote);
        byte track = At(side, index);
        byte opener = (byte)(track & OpenedOutside);
        byte state = (byte)(track & StateMask);
        bool fromOpener = fromInside == (opener == 0);
        switch (kind)
        {
            case Reset:
                EndBy(nat, side, port, remote);
                return true;
            case Syn when state == Closed:
                Set(side, index, SynSent); // from inside: from outside it does not come here
                return true;
            case Syn when fromOpener:
                return true;
            case Syn:
                if (!fromInside && !nat.TracksSimultaneousOpen) return false;
                if (state == SynSent) Set(side, index, (byte)(BothSyns | opener));
                return fromInside || state is SynSent or BothSyns;
            case SynAck:
                if (fromOpener && state is not (BothSyns or SynReceived)) return false;
                if (state is SynSent or BothSyns) Set(side, index, (byte)(SynReceived | opener));
                return true;
            default:
                if (state is SynSent or BothSyns) return !fromOpener;
                if (state == SynReceived && fromOpener) Set(side, index, (byte)(Established | opener));
                return true;
        }
    }

    private void EndBy(TcpPunchSide nat, int side, int port, int remote)
    {
        switch (nat.Resets)
        {
            case TcpResetEffect.EndsSession:
                Set(side, TrackOf(port, remote), Closed);
                Set(side, Permits + port, (byte)(At(side, Permits + port) & ~Permit(nat, remote)));
                break;
            case TcpResetEffect.EndsMapping:
                Set(side, Keys + port, 0);
                Set(side, Permits + port, 0);
                for (int other = 0; other < Ports; other++)
                {
                    Set(side, TrackOf(port, other), 0);
                    if (At(side, Routes + other) == port + 1) Set(side, Routes + other, 0);
                }

                break;
        }
    }

    private static byte Permit(TcpPunchSide nat, int remote) => nat.Filtering switch
    {
        NatFiltering.EndpointIndependent => 0,
        NatFiltering.AddressDependent => 1 << OtherHost,
        NatFiltering.AddressAndPortDependent => (byte)(1 << remote),
    };
}
