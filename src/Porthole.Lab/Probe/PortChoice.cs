namespace Porthole.Lab.Probe;

/// <summary>How a NAT was seen to choose external ports.</summary>
public enum PortChoice
{
    /// <summary>The internal port.</summary>
    Preserve,

    /// <summary>The same small step from each to the next.</summary>
    Sequential,

    /// <summary>Neither.</summary>
    Random,
}
