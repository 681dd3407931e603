namespace Porthole.Protocol.Peer;

/// <summary>What came of asking this side's gateway for a port.</summary>
internal enum GatewayAnswer
{
    /// <summary>It was not asked.</summary>
    NotAsked,

    /// <summary>It has not answered.</summary>
    Silent,

    /// <summary>It maps no port, or what it said cannot be used.</summary>
    Refused,

    /// <summary>It maps a port, but stands behind another NAT itself.</summary>
    BehindAnotherNat,

    /// <summary>It maps a port, but at another address than the one that servers see.</summary>
    Elsewhere,

    /// <summary>It maps a port.</summary>
    Mapped,
}

/// <summary>The gateway's answer, and the sentence for a person.</summary>
/// <param name="Answer">In one word.</param>
/// <param name="Line">One sentence; empty when there is nothing to say. What it quotes of the gateway is printable and short.</param>
internal sealed record GatewayWord(GatewayAnswer Answer, string Line)
{
    /// <summary>No gateway was asked.</summary>
    public static GatewayWord None { get; } = new(GatewayAnswer.NotAsked, "");

    /// <summary>It has been asked just now.</summary>
    public static GatewayWord Asked { get; } = new(GatewayAnswer.Silent, "The gateway was asked for a port and has not answered yet.");
}
