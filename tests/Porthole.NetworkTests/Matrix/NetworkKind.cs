namespace Porthole.NetworkTests.Matrix;

/// <summary>Where a peer of the matrix stands.</summary>
public enum NetworkKind
{
    /// <summary>A public address, nothing in front.</summary>
    None,

    /// <summary>Behind a full cone.</summary>
    FullCone,

    /// <summary>Behind a restricted cone.</summary>
    Restricted,

    /// <summary>Behind a port-restricted cone.</summary>
    PortRestricted,

    /// <summary>Behind a symmetric NAT.</summary>
    Symmetric,

    /// <summary>On the local network of the other peer of this kind, behind one symmetric NAT: outside it nothing else would do.</summary>
    SameLan,

    /// <summary>A public address behind a stateful firewall.</summary>
    Firewall,

    /// <summary>Behind a port-restricted cone behind a carrier's port-restricted NAT.</summary>
    CarrierOnTop,
}

internal static class NetworkKinds
{
    extension(NetworkKind kind)
    {
        /// <summary>A port for each destination.</summary>
        private bool IsSymmetric => kind is NetworkKind.Symmetric or NetworkKind.SameLan;

        /// <summary>Lets in only whom it has sent to, port and all.</summary>
        private bool FiltersByPort => kind is not (NetworkKind.None or NetworkKind.FullCone or NetworkKind.Restricted);

        /// <summary>
        /// Whether theory has a direct path between the two by plain punching: always, but where one side's port is unknown and the other side lets in only a
        /// known port (RFC 4787's terms in docs/lab.md).
        /// </summary>
        public bool ReachesDirectly(NetworkKind other) =>
            (kind == NetworkKind.SameLan && other == NetworkKind.SameLan)
            || !((kind.IsSymmetric && other.FiltersByPort) || (other.IsSymmetric && kind.FiltersByPort));
    }
}
