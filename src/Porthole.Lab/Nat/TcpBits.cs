namespace Porthole.Lab.Nat;

/// <summary>The control bits of a TCP segment that matter here, with the values of the header (RFC 9293 section 3.1).</summary>
[Flags]
public enum TcpBits : byte
{
    /// <summary>No bit: not TCP.</summary>
    None = 0,

    /// <summary>The sender has no more to say.</summary>
    Fin = 1,

    /// <summary>The sender opens a connection.</summary>
    Syn = 2,

    /// <summary>The connection is void.</summary>
    Reset = 4,

    /// <summary>Something is acknowledged: every segment but the first has it.</summary>
    Ack = 16,
}

/// <summary>TCP control bits in words.</summary>
internal static class TcpBitsNames
{
    extension(TcpBits bits)
    {
        /// <summary>What the segment is, as tcpdump's readers say it.</summary>
        public string Name => bits switch
        {
            _ when bits.HasFlag(TcpBits.Reset) => "RST",
            TcpBits.Syn => "SYN",
            TcpBits.Syn | TcpBits.Ack => "SYN-ACK",
            _ when bits.HasFlag(TcpBits.Fin) => "FIN",
            TcpBits.Ack => "ACK",
            _ => bits.ToString(),
        };
    }
}
