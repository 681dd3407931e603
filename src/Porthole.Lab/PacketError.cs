namespace Porthole.Lab;

/// <summary>What an ICMP error says.</summary>
internal enum PacketError : byte
{
    /// <summary>It is none.</summary>
    None,

    /// <summary>Port unreachable: a connection attempt takes it for a refusal.</summary>
    PortUnreachable,

    /// <summary>Administratively prohibited: a connection attempt takes it for an unreachable host.</summary>
    Prohibited,
}
