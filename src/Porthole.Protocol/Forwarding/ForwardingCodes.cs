namespace Porthole.Protocol.Forwarding;

/// <summary>The codes with which a forwarding stream is given up.</summary>
public static class ForwardingCodes
{
    /// <summary>The connection behind it was reset, and the other end is to be as well.</summary>
    public const long Reset = 1;

    /// <summary>What came is no forwarding, or nobody wants it here.</summary>
    public const long NotForwarding = 2;
}
