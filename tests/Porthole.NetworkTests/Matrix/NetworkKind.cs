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

    /// <summary>Behind a port-restricted cone behind a carrier's full cone.</summary>
    OpenCarrierOnTop,

    /// <summary>Behind a port-restricted cone that lets no UDP pass.</summary>
    UdpBlocked,

    /// <summary>Behind a port-restricted cone that answers a SYN that nobody asked for with a RST.</summary>
    Resetting,

    /// <summary>Behind a symmetric NAT whose ports count up, which a model does on a TUN device.</summary>
    SequentialSymmetric,
}

internal static class NetworkKinds
{
    /// <summary>What stands in the matrix of UDP paths.</summary>
    public static IReadOnlyList<NetworkKind> OfUdp { get; } =
    [
        NetworkKind.None, NetworkKind.FullCone, NetworkKind.Restricted, NetworkKind.PortRestricted, NetworkKind.Symmetric, NetworkKind.SameLan, NetworkKind.Firewall,
        NetworkKind.CarrierOnTop,
    ];

    /// <summary>What stands in the matrix of TCP paths, where every pair reaches each other.</summary>
    public static IReadOnlyList<NetworkKind> OfTcp { get; } =
    [
        NetworkKind.None, NetworkKind.FullCone, NetworkKind.Restricted, NetworkKind.PortRestricted, NetworkKind.UdpBlocked, NetworkKind.OpenCarrierOnTop,
    ];

    /// <summary>All pairs of the kinds, each once.</summary>
    public static TheoryData<NetworkKind, NetworkKind> Pairs(IReadOnlyList<NetworkKind> kinds)
    {
        var pairs = new TheoryData<NetworkKind, NetworkKind>();
        for (int one = 0; one < kinds.Count; one++)
        {
            for (int other = one; other < kinds.Count; other++) pairs.Add(kinds[one], kinds[other]);
        }

        return pairs;
    }

    extension(NetworkKind kind)
    {
        /// <summary>A port for each destination.</summary>
        private bool IsSymmetric => kind is NetworkKind.Symmetric or NetworkKind.SameLan;

        /// <summary>Lets in only whom it has sent to, port and all.</summary>
        private bool FiltersByPort => kind is not (NetworkKind.None or NetworkKind.FullCone or NetworkKind.Restricted);

        /// <summary>
        /// Whether theory has a direct UDP path between the two by plain punching: always, but where one side's port is unknown and the other side lets in only
        /// a known port (RFC 4787's terms in docs/lab.md).
        /// </summary>
        public bool ReachesDirectly(NetworkKind other) =>
            (kind == NetworkKind.SameLan && other == NetworkKind.SameLan)
            || !((kind.IsSymmetric && other.FiltersByPort) || (other.IsSymmetric && kind.FiltersByPort));

        /// <summary>Whether one side's port may be found by trying many, sooner or later.</summary>
        public bool MayBeGuessed(NetworkKind other) => kind.IsSymmetric != other.IsSymmetric;
    }
}
