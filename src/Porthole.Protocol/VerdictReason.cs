namespace Porthole.Protocol;

/// <summary>Why the path is what it is, in one word for programs.</summary>
public enum VerdictReason
{
    /// <summary>Nothing has been tried yet.</summary>
    Pending,

    /// <summary>A direct path is in use.</summary>
    Direct,

    /// <summary>This side, or the other, wants the relay only.</summary>
    RelayOnly,

    /// <summary>No STUN answer comes to this side over UDP: a firewall here, or the server's UDP ports are closed.</summary>
    UdpBlockedHere,

    /// <summary>The peer has no proved UDP address: UDP is blocked on its side.</summary>
    UdpBlockedThere,

    /// <summary>Neither side gets a STUN answer over UDP: two firewalls, or that of the server.</summary>
    UdpBlockedBoth,

    /// <summary>One NAT maps by destination and the other filters by port: the port that must be hit is not known, and nothing was there to guess it with.</summary>
    HardNat,

    /// <summary>Both NATs draw a random port for each destination: no guess has a chance, and none is made.</summary>
    RandomPortsBoth,

    /// <summary>One NAT draws a random port for each destination, the other gives each another one that could be foreseen: no guess has a chance, and none is made.</summary>
    RandomAgainstPredictable,

    /// <summary>The port that must be hit was foreseen, or guessed at, and was not hit.</summary>
    PortsNotHit,

    /// <summary>Ports would have to be guessed at, and the budget does not allow it now: it failed before, or other guesses are under way.</summary>
    SprayHeldBack,

    /// <summary>A router gives a flow another port once it has seen a packet of it that nobody asked for, as the first one of a punch is.</summary>
    SpoiledByStrangers,

    /// <summary>Packets pass in one direction only.</summary>
    OneWay,

    /// <summary>Checks were sent, or connections tried, and none was answered in time.</summary>
    NoAnswer,

    /// <summary>TCP is all that is wanted, and no STUN port of the server is reached by TCP from here.</summary>
    TcpBlockedHere,

    /// <summary>TCP is all that is wanted, and the peer has no proved TCP address.</summary>
    TcpBlockedThere,

    /// <summary>TCP is all that is wanted here, and what was tried was refused.</summary>
    TcpRefused,

    /// <summary>One side looks for direct paths by UDP only, the other by TCP only, or has no UDP.</summary>
    NoCommonTransport,

    /// <summary>A pair answered checks, but sealed packets of full size did not pass it.</summary>
    DataBlocked,

    /// <summary>The direct path that was in use died; it is being tried again.</summary>
    PathLost,
}
