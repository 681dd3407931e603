namespace Porthole.Lab.Nat;

/// <summary>One TCP connection as it looks from the middle. The rules are those of Linux's nf_conntrack_proto_tcp without sequence numbers.</summary>
/// <param name="openedOutside">Whether the first SYN came from outside.</param>
internal struct TcpTrack(bool openedOutside)
{
    private bool _openedOutside = openedOutside;

    public TcpState State { get; private set; } = TcpState.SynSent;

    /// <summary>A connection whose beginning nobody has seen.</summary>
    public static TcpTrack Adopted => new(openedOutside: false) { State = TcpState.Established };

    /// <summary>Judges a segment of the connection, and follows it.</summary>
    /// <param name="bits">Its control bits.</param>
    /// <param name="fromInside">The side that sent it.</param>
    /// <param name="profile">How connections are tracked.</param>
    /// <returns>False when the connection does not allow it now; nothing has changed then.</returns>
    public bool TryFollow(TcpBits bits, bool fromInside, NatTcpProfile profile)
    {
        bool fromOpener = fromInside != _openedOutside;
        if (bits.HasFlag(TcpBits.Reset))
        {
            if (profile.Resets != TcpResetEffect.Ignored) State = TcpState.Closed;
            return true;
        }

        switch (bits & (TcpBits.Syn | TcpBits.Ack | TcpBits.Fin))
        {
            case TcpBits.Syn when State == TcpState.Closed:
                if (!fromInside) return false; // the filter decides, as about any other
                (_openedOutside, State) = (false, TcpState.SynSent);
                return true;
            case TcpBits.Syn when fromOpener:
                if (State == TcpState.Closing) State = TcpState.SynSent; // the ports are used again (RFC 9293 section 3.6.1)
                return true;
            case TcpBits.Syn:
                if (!fromInside && !profile.TracksSimultaneousOpen) return false;
                if (State == TcpState.SynSent) State = TcpState.SynSeenBothWays;
                return State == TcpState.SynSeenBothWays || fromInside;
            case TcpBits.Syn | TcpBits.Ack:
                // Who opens answers a SYN only when the SYNs have crossed.
                if (fromOpener && State is not (TcpState.SynSeenBothWays or TcpState.SynReceived)) return false;
                if (State is TcpState.SynSent or TcpState.SynSeenBothWays) State = TcpState.SynReceived;
                return true;
            case var others when others.HasFlag(TcpBits.Fin):
                if (State is TcpState.SynSent or TcpState.SynSeenBothWays) return false;
                if (State != TcpState.Closed) State = TcpState.Closing;
                return true;
            default:
                if (State is TcpState.SynSent or TcpState.SynSeenBothWays) return !fromOpener;
                if (State == TcpState.SynReceived && fromOpener) State = TcpState.Established;
                return true;
        }
    }
}
