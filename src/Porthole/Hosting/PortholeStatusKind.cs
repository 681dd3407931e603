namespace Porthole.Hosting;

/// <summary>How the node of a program stands, in one word.</summary>
public enum PortholeStatusKind
{
    /// <summary>It is not registered yet, or again: a try is under way, or waits.</summary>
    Starting,

    /// <summary>It is registered, and can be called.</summary>
    Registered,

    /// <summary>It has lost its server, and tries to have it back. Connections on direct paths go on.</summary>
    ServerLost,

    /// <summary>It has ended, and there will be no other.</summary>
    Ended,
}
