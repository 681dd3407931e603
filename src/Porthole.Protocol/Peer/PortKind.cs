namespace Porthole.Protocol.Peer;

/// <summary>How well the port of a side's next mapping can be foreseen. The order is that of difficulty.</summary>
internal enum PortKind
{
    /// <summary>It is the one that servers saw: the mapping does not depend on the destination, or a gateway has mapped a port, or nothing else is known.</summary>
    Known,

    /// <summary>The first destination of a fresh local port gets that port.</summary>
    Same,

    /// <summary>A step behind the last one.</summary>
    Next,

    /// <summary>Any of a band.</summary>
    Any,
}
