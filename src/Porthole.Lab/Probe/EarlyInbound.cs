namespace Porthole.Lab.Probe;

/// <summary>What it costs when the peer's packet reaches a NAT before the own one has left.</summary>
public enum EarlyInbound
{
    /// <summary>Not to be seen, because the port cannot be known beforehand.</summary>
    Unknown,

    /// <summary>Nothing: the own packet leaves from the expected port.</summary>
    Harmless,

    /// <summary>The port: the own packet leaves from another, which the peer does not know.</summary>
    CostsThePort,
}
