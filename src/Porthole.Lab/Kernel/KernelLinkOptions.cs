namespace Porthole.Lab.Kernel;

/// <summary>What a packet meets on its way through a forwarder: the same in both directions.</summary>
public sealed record KernelLinkOptions
{
    /// <summary>The time every packet takes, one way.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Up to how much longer a packet may take, evenly spread; packets overtake each other then.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>The share of packets that are lost, 0 to 1.</summary>
    public double Loss
    {
        get;
        init => field = value is >= 0 and <= 1
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "Loss is a share, 0 to 1.");
    }

    /// <summary>The seed of loss and jitter. Real time decides as well, so a run is not repeated exactly by it.</summary>
    public int Seed { get; init; } = 1;
}
