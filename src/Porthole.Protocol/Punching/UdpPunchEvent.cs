namespace Porthole.Protocol.Punching;

/// <summary>What a UDP punch has to tell its owner.</summary>
public abstract record UdpPunchEvent
{
    private UdpPunchEvent() { }

    /// <summary>A try goes out.</summary>
    /// <param name="Number">From 1.</param>
    public sealed record Tried(int Number) : UdpPunchEvent;

    /// <summary>The first message came from an address.</summary>
    /// <param name="Remote">The address: the one that was given, or another port of the same host (a peer-reflexive one).</param>
    public sealed record Heard(TransportAddress Remote) : UdpPunchEvent;

    /// <summary>The peer has answered from the very address that was asked: both directions work.</summary>
    /// <param name="Remote">The address.</param>
    public sealed record Answered(TransportAddress Remote) : UdpPunchEvent;

    /// <summary>Both sides agree on the address, and each knows that the other says no more.</summary>
    /// <param name="Remote">The address.</param>
    public sealed record Connected(TransportAddress Remote) : UdpPunchEvent;

    /// <summary>Time is up.</summary>
    /// <param name="Reached">How far it came.</param>
    public sealed record Failed(UdpPunchState Reached) : UdpPunchEvent;
}
