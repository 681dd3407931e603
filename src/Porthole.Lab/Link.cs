namespace Porthole.Lab;

/// <summary>The link between a host or a router and the network it hangs on. It may be changed, cut and healed while the simulation runs.</summary>
public sealed class Link
{
    internal Link(LinkOptions? options)
    {
        UpDirection = new LinkDirection(options ?? LinkOptions.Perfect);
        DownDirection = new LinkDirection(options ?? LinkOptions.Perfect);
    }

    /// <summary>From the host or router to the network.</summary>
    public LinkOptions Up
    {
        get => UpDirection.Options;
        set => UpDirection.Options = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>From the network to the host or router.</summary>
    public LinkOptions Down
    {
        get => DownDirection.Options;
        set => DownDirection.Options = value ?? throw new ArgumentNullException(nameof(value));
    }

    /// <summary>Whether anything passes. Main connections wait for a while, as TCP does; packets are dropped.</summary>
    public bool IsUp { get; set; } = true;

    /// <summary>Whether UDP is dropped while TCP and main connections pass, as in some offices.</summary>
    public bool BlocksUdp { get; set; }

    internal LinkDirection UpDirection { get; }

    internal LinkDirection DownDirection { get; }
}
