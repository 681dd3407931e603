namespace Porthole.Lab.Nat;

/// <summary>What a RST that passes does to the state of its connection.</summary>
public enum TcpResetEffect
{
    /// <summary>Nothing: the session times out like any other.</summary>
    Ignored,

    /// <summary>The session is closed: what follows from outside is unsolicited, until the inside sends a SYN again.</summary>
    EndsSession,

    /// <summary>The mapping goes with all its sessions, so that the next SYN may get another port (Linux, whose mappings are sessions).</summary>
    EndsMapping,
}
