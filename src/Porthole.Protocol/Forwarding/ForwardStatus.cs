namespace Porthole.Protocol.Forwarding;

/// <summary>What came of a request.</summary>
public enum ForwardStatus
{
    /// <summary>The target is connected (TCP), or datagrams for it are taken (UDP).</summary>
    Connected = 0,

    /// <summary>The sharer does not share that, or not with this peer.</summary>
    NotShared = 1,

    /// <summary>Nobody listens there.</summary>
    Refused = 2,

    /// <summary>There is no way to it from the sharer, or no such name.</summary>
    Unreachable = 3,

    /// <summary>It did not answer in time.</summary>
    TimedOut = 4,

    /// <summary>The peer has as many connections as it may have.</summary>
    LimitReached = 5,

    /// <summary>The request makes no sense.</summary>
    BadRequest = 6,
}
