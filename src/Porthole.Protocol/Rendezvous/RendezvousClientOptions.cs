namespace Porthole.Protocol.Rendezvous;

/// <summary>How a client reaches its server.</summary>
public sealed record RendezvousClientOptions
{
    /// <summary>The server: an <c>http</c> or <c>https</c> URI without a path.</summary>
    public required Uri Server { get; init; }

    /// <summary>The server's key, if it is pinned; null to trust the key of the first contact.</summary>
    public PublicKey? ServerKey { get; init; }

    /// <summary>The access token; null for none.</summary>
    /// <exception cref="ArgumentException">It is longer than 256 characters.</exception>
    public string? Token
    {
        get;
        init => field = value is null || value.Length <= RendezvousLimits.MaxToken
            ? value
            : throw new ArgumentException("An access token has at most 256 characters.", nameof(value));
    }

    /// <summary>Which run of the program; null to draw one.</summary>
    public InstanceId? Instance { get; init; }

    /// <summary>The longest silence before the client asks for a sign of life: below the 30 s after which the worst NATs forget.</summary>
    public TimeSpan KeepAlive
    {
        get;
        init => field = value > TimeSpan.Zero && value <= TimeSpan.FromSeconds(27)
            ? value
            : throw new ArgumentOutOfRangeException(nameof(value), value, "The keepalive is at most 27 s.");
    } = TimeSpan.FromSeconds(22);

    /// <summary>How long to wait for each sign of life that was asked for; three in a row are missed before the connection counts as dead.</summary>
    public TimeSpan PongTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The same while sessions need to know soon (<see cref="RendezvousClient.Probe"/>): three of these are less than 5 s.</summary>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>How long connecting and the hello may take.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The first wait before connecting again; it doubles each time, with jitter.</summary>
    public TimeSpan FirstBackoff { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The longest wait before connecting again.</summary>
    public TimeSpan MaxBackoff { get; init; } = TimeSpan.FromSeconds(30);
}
