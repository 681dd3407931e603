namespace Porthole.Protocol;

/// <summary>A way to a direct path.</summary>
public enum PunchMethod
{
    /// <summary>Checks between the addresses that both sides have signalled (RFC 8445).</summary>
    Plain,

    /// <summary>This side waits for the other's first check: its NAT admits anybody, and answers in the session that a check has opened.</summary>
    Silent,

    /// <summary>Fresh sockets, one side after the other, the second opened by a packet that dies on the way: no NAT meets a packet that it does not expect.</summary>
    Opener,

    /// <summary>A fresh local port, which the NAT keeps for its first destination.</summary>
    FreshSocket,

    /// <summary>The next ports of a NAT that counts, towards a port that is known.</summary>
    Predict,

    /// <summary>Both NATs count: one side scans in single steps, the other in double ones, and the scans meet.</summary>
    Cross,

    /// <summary>Many sockets on the side whose NAT gives random ports, many ports tried from the other.</summary>
    Spray,

    /// <summary>TCP simultaneous open between signalled addresses (RFC 6544).</summary>
    Tcp,

    /// <summary>The same, to the next ports of a NAT that counts.</summary>
    TcpPredict,

    /// <summary>The same, with many sockets against many ports.</summary>
    TcpSpray,

    /// <summary>No direct path: the relay carries the session.</summary>
    Relay,
}

/// <summary>Ways to a direct path in words.</summary>
public static class PunchMethods
{
    extension(PunchMethod method)
    {
        /// <summary>Whether it makes TCP connections.</summary>
        public bool IsTcp => method is PunchMethod.Tcp or PunchMethod.TcpPredict or PunchMethod.TcpSpray;

        /// <summary>The short form: plain, silent, opener, fresh-socket, predict, cross, spray, tcp, tcp-predict, tcp-spray, relay.</summary>
        public string Code => method switch
        {
            PunchMethod.Plain => "plain",
            PunchMethod.Silent => "silent",
            PunchMethod.Opener => "opener",
            PunchMethod.FreshSocket => "fresh-socket",
            PunchMethod.Predict => "predict",
            PunchMethod.Cross => "cross",
            PunchMethod.Spray => "spray",
            PunchMethod.Tcp => "tcp",
            PunchMethod.TcpPredict => "tcp-predict",
            PunchMethod.TcpSpray => "tcp-spray",
            PunchMethod.Relay => "relay",
        };
    }
}
