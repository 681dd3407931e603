namespace Porthole.Cli.Chat;

/// <summary>How a peer stands to a chat.</summary>
internal enum ChatPeerState
{
    /// <summary>Its lines come here, and ours go there.</summary>
    Connected,

    /// <summary>It has not said hello yet.</summary>
    Connecting,

    /// <summary>Its connection is ending.</summary>
    Leaving,

    /// <summary>It calls, and waits for an answer.</summary>
    Calling,

    /// <summary>It is in the same room, and not connected.</summary>
    Missing,

    /// <summary>It is online.</summary>
    Online,
}
