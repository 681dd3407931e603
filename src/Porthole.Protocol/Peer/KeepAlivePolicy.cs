using Porthole.Protocol.Ice;

namespace Porthole.Protocol.Peer;

/// <summary>How often an idle path, and the address at the server, must be refreshed, from how long the NAT was seen to keep a mapping.</summary>
internal static class KeepAlivePolicy
{
    /// <summary>How long a session must have been silent to count as idle.</summary>
    public static readonly TimeSpan IdleAfter = TimeSpan.FromSeconds(30);

    /// <summary>The pause while nothing was measured: RFC 8445 section 11 asks for no less, and few NATs forget sooner.</summary>
    public static readonly TimeSpan Unmeasured = TimeSpan.FromSeconds(15);

    /// <summary>The shortest pause, for NATs that forget within 10 s.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromSeconds(4);

    /// <summary>The share of the lifetime after which a mapping is refreshed, in the mean: with a spread of a fifth and one packet lost it is still in time.</summary>
    private const double Share = 0.6;

    /// <summary>The pause between two packets that hold a mapping open, in the mean.</summary>
    /// <param name="lifetime">The longest silence that a mapping was seen to survive; null when it was not measured.</param>
    public static TimeSpan Pause(TimeSpan? lifetime)
    {
        if (lifetime is not { } measured) return Unmeasured;
        var pause = measured * Share;
        return pause < Shortest ? Shortest : pause > IceOptions.LongestIdlePause ? IceOptions.LongestIdlePause : pause;
    }
}
