namespace Porthole.Cli.Transfer;

/// <summary>How the sessions of transfers behave.</summary>
internal static class TransferSessions
{
    /// <summary>A transfer that is interrupted goes on by itself, so a session that is dead is better given up soon; both sides say something far more often.</summary>
    private static readonly TimeSpan s_idle = TimeSpan.FromSeconds(15);

    /// <summary>Often enough that two may be lost, for instance while a person is asked.</summary>
    private static readonly TimeSpan s_keepAlive = TimeSpan.FromSeconds(4);

    public static PeerOptions Adjust(PeerOptions options) => options with { Session = options.Session with { IdleTimeout = s_idle, KeepAlive = s_keepAlive } };
}
