namespace Porthole.Protocol.Rendezvous;

/// <summary>Why the server gave a session up.</summary>
public enum SessionCloseReason
{
    /// <summary>The other side released it, or took its connect back before it was answered.</summary>
    Released,

    /// <summary>The other side's main connection is gone: the relay carries nothing until one side asks to re-open the session and the other is there.</summary>
    PeerDisconnected,

    /// <summary>Another session of the same two peers took its place.</summary>
    Replaced,

    /// <summary>Nobody answered the incoming call in time.</summary>
    NoAnswer,
}
