namespace Porthole.Protocol;

/// <summary>By what direct paths may be looked for. The relay is there in any case.</summary>
[Flags]
public enum Transports
{
    /// <summary>None: the relay only.</summary>
    None = 0,

    /// <summary>UDP hole punching.</summary>
    Udp = 1,

    /// <summary>TCP hole punching.</summary>
    Tcp = 2,

    /// <summary>Both, side by side.</summary>
    All = Udp | Tcp,
}
