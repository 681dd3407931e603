namespace Porthole.Lab.Gateway;

/// <summary>What a simulated gateway speaks, and what it does wrong.</summary>
public sealed record GatewayOptions
{
    /// <summary>Whether it speaks PCP (RFC 6887).</summary>
    public bool Pcp { get; init; } = true;

    /// <summary>Whether it speaks NAT-PMP (RFC 6886).</summary>
    public bool NatPmp { get; init; } = true;

    /// <summary>The longest lease that it grants.</summary>
    public TimeSpan LongestLease { get; init; } = TimeSpan.FromHours(2);

    /// <summary>The outside address that it tells; null is the true one.</summary>
    public string? Claims { get; init; }

    /// <summary>The result code of every answer to a request for a mapping; 0 is success.</summary>
    public byte Refuses { get; init; }

    /// <summary>What it sends in place of each right answer: nothing when null comes of it. Null sends what is right.</summary>
    public Func<byte[], byte[]?>? Spoils { get; init; }
}
