using Porthole.Files;
using Porthole.Protocol.Files;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Cli;

/// <summary>What the command's exit code means. Documented in docs/cli.md and in the help; scripts rely on the numbers.</summary>
internal static class ExitCode
{
    /// <summary>All went well.</summary>
    public const int Success = 0;

    /// <summary>A defect: something that should not happen.</summary>
    public const int Defect = 1;

    /// <summary>The command line, or a name or id on it, makes no sense.</summary>
    public const int Usage = 2;

    /// <summary>No direct path came up in time.</summary>
    public const int NoDirectPath = 3;

    /// <summary>Some of what was sent was not acknowledged.</summary>
    public const int NotDelivered = 4;

    /// <summary>UDP does not get through between this host and the server.</summary>
    public const int UdpBlocked = 25;

    /// <summary>The peer shares the port, and nothing answers there.</summary>
    public const int PortSilent = 33;

    /// <summary>A file or folder cannot be sent or received.</summary>
    public const int FileTrouble = 34;

    /// <summary>Stopped by Ctrl-C or SIGTERM before the work was done.</summary>
    public const int Interrupted = 130;

    /// <summary>The exit codes and their meanings, for the help.</summary>
    public static readonly (int Code, string Meaning)[] Meanings =
    [
        (Success, "all went well"),
        (Defect, "a defect of porthole itself"),
        (Usage, "the command line, or a name or id on it, makes no sense"),
        (NoDirectPath, "no direct path came up in time"),
        (NotDelivered, "something that was sent was not acknowledged"),
        (10, "nobody by that name or id is known to the server"),
        (11, "the peer is offline"),
        (12, "the peer, or its accept policy, refused"),
        (13, "the key of a known peer has changed"),
        (14, "the peer does not hold the key that was asked for"),
        (15, "the handshake with the peer failed, or the peer broke the protocol"),
        (16, "no answer in time"),
        (17, "a limit of the server is reached"),
        (18, "the peer closed the connection, or gave a stream up"),
        (19, "the connection was lost"),
        (20, "the name is held by another key"),
        (21, "the access token is wrong or missing"),
        (22, "the server cannot be reached"),
        (23, "the server does not hold the key that is pinned or known for it"),
        (24, "what answers there is no Porthole server of this version"),
        (UdpBlocked, "UDP between this host and the server does not get through"),
        (26, "the pairing code is wrong, used up or burnt"),
        (30, "a port that was asked for is taken"),
        (31, "a local address that was asked for is not this host's"),
        (32, "a file cannot be used: an identity, known keys, or a trace to be written"),
        (PortSilent, "the peer shares the port, and nothing answers there"),
        (FileTrouble, "a file or folder cannot be sent or received: not there, no permission, no room, or it exists already"),
        (Interrupted, "stopped by Ctrl-C or SIGTERM before the work was done"),
    ];

    /// <summary>The exit code of what a sharer answered.</summary>
    public static int Of(ForwardStatus status) => status switch
    {
        ForwardStatus.Connected => Success,
        ForwardStatus.NotShared => Of(PeerError.Refused),
        ForwardStatus.Refused or ForwardStatus.Unreachable or ForwardStatus.TimedOut => PortSilent,
        ForwardStatus.LimitReached => Of(PeerError.LimitReached),
        ForwardStatus.BadRequest => Usage,
    };

    /// <summary>The exit code of what went wrong with files.</summary>
    public static int Of(FileException exception) => exception is { Reason: FileError.Refused, IsRemote: true } ? Of(PeerError.Refused) : FileTrouble;

    /// <summary>The exit code of each error.</summary>
    public static int Of(PeerError error) => error switch
    {
        PeerError.BadRequest => Usage,
        PeerError.NoDirectPath => NoDirectPath,
        PeerError.UnknownPeer => 10,
        PeerError.PeerOffline => 11,
        PeerError.Refused => 12,
        PeerError.KeyChanged => 13,
        PeerError.WrongPeer => 14,
        PeerError.HandshakeFailed or PeerError.ProtocolViolation => 15,
        PeerError.TimedOut => 16,
        PeerError.LimitReached => 17,
        PeerError.ClosedByPeer or PeerError.StreamAborted => 18,
        PeerError.Lost or PeerError.Closed => 19,
        PeerError.NameTaken => 20,
        PeerError.WrongToken => 21,
        PeerError.ServerUnreachable => 22,
        PeerError.WrongServerKey => 23,
        PeerError.NotAServer => 24,
        PeerError.UdpBlocked => UdpBlocked,
        PeerError.WrongCode => 26,
        PeerError.PortInUse => 30,
        PeerError.AddressNotAvailable => 31,
        PeerError.BadFile => 32,
    };
}
