using Porthole.Protocol.Peer;

namespace Porthole.Cli;

/// <summary>What the command's exit code means. Documented in docs/cli.md; scripts rely on the numbers.</summary>
internal static class ExitCode
{
    /// <summary>All went well.</summary>
    public const int Success = 0;

    /// <summary>A defect: something that should not happen.</summary>
    public const int Defect = 1;

    /// <summary>The command line makes no sense.</summary>
    public const int Usage = 2;

    /// <summary>No direct path came up in time.</summary>
    public const int NoDirectPath = 3;

    /// <summary>Stopped by Ctrl-C or SIGTERM before the work was done.</summary>
    public const int Interrupted = 130;

    /// <summary>The exit code of each error.</summary>
    public static int Of(PeerError error) => error switch
    {
        PeerError.UnknownPeer => 10,
        PeerError.PeerOffline => 11,
        PeerError.Refused => 12,
        PeerError.KeyChanged => 13,
        PeerError.WrongPeer => 14,
        PeerError.HandshakeFailed => 15,
        PeerError.TimedOut => 16,
        PeerError.LimitReached => 17,
        PeerError.NameTaken => 20,
        PeerError.WrongToken => 21,
        PeerError.ServerUnreachable => 22,
        PeerError.WrongServerKey => 23,
        PeerError.NotAServer => 24,
        PeerError.UdpBlocked => 25,
        PeerError.PortInUse => 30,
        PeerError.AddressNotAvailable => 31,
        PeerError.BadFile => 32,
        PeerError.ClosedByPeer => 40,
        PeerError.Closed => 41,
        PeerError.Lost => 42,
        PeerError.ProtocolViolation => 43,
        PeerError.StreamAborted => 44,
        PeerError.BadRequest => Usage,
        PeerError.NoDirectPath => NoDirectPath,
    };
}
