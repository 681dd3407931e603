namespace Porthole.Protocol.Peer;

/// <summary>What a side does beside connecting to the candidates it is given.</summary>
internal enum TcpPlanKind
{
    /// <summary>Nothing: both mappings are known, or the other side does what is to be done.</summary>
    Plain,

    /// <summary>Its own next port is foreseen, and told to the other side, before it fires.</summary>
    Predict,

    /// <summary>Its own ports are drawn at random: it opens many sockets to the other side's one address.</summary>
    SprayFrom,

    /// <summary>The other side's ports are drawn at random: it connects to many of them from its one port.</summary>
    SprayTo,

    /// <summary>No guess has a chance: only an address that needs none can still work, as on one LAN.</summary>
    None,
}

/// <summary>How a TCP punch deals with ports that are not known beforehand.</summary>
/// <param name="Kind">What to do.</param>
/// <param name="Count">How many ports are foreseen, or sockets held; 0 where there is nothing to count.</param>
/// <param name="LowestPort">The lowest port of the band that is sprayed, else 0.</param>
/// <param name="HighestPort">The highest.</param>
internal readonly record struct TcpPlan(TcpPlanKind Kind, int Count = 0, ushort LowestPort = 0, ushort HighestPort = 0)
{
    /// <summary>Connecting to what is given, and nothing else.</summary>
    public static TcpPlan Plain { get; } = new(TcpPlanKind.Plain);

    /// <summary>No guess has a chance.</summary>
    public static TcpPlan None { get; } = new(TcpPlanKind.None);
}
