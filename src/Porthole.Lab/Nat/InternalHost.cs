namespace Porthole.Lab.Nat;

/// <summary>What a NAT remembers of an internal host for as long as it has mappings.</summary>
internal sealed class InternalHost(int addressIndex)
{
    /// <summary>The external address that all its mappings share under paired pooling.</summary>
    public int AddressIndex { get; } = addressIndex;

    /// <summary>How many mappings it has.</summary>
    public int Count { get; set; }

    /// <summary>Its port blocks: external address and first port.</summary>
    public List<(int AddressIndex, int First)>? Blocks { get; set; }
}
