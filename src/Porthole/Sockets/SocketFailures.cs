using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>Says what went wrong with a socket, in the machines' words and in one line for a person.</summary>
internal static class SocketFailures
{
    public static SocketFailure Classify(SocketError error) => error switch
    {
        SocketError.ConnectionRefused => SocketFailure.Refused,
        SocketError.HostUnreachable or SocketError.NetworkUnreachable or SocketError.NetworkDown or SocketError.HostDown => SocketFailure.Unreachable,
        SocketError.TimedOut => SocketFailure.TimedOut,
        SocketError.AddressAlreadyInUse => SocketFailure.InUse,
        SocketError.AddressNotAvailable => SocketFailure.AddressGone,
        SocketError.ConnectionReset or SocketError.ConnectionAborted or SocketError.Shutdown or SocketError.OperationAborted => SocketFailure.Closed,
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain or SocketError.NoRecovery => SocketFailure.NameNotFound,
        _ => SocketFailure.Other,
    };

    /// <summary>The system's own words for an error, without the trimmings that .NET adds.</summary>
    public static string Describe(SocketException exception) => exception.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "the connection was refused: nothing listens there, or a firewall rejects it",
        SocketError.HostUnreachable or SocketError.HostDown => "the host cannot be reached",
        SocketError.NetworkUnreachable or SocketError.NetworkDown => "the network cannot be reached",
        SocketError.TimedOut => "no answer",
        SocketError.AddressAlreadyInUse => "the address is already in use by another program",
        SocketError.AddressNotAvailable => "the address does not belong to this host",
        SocketError.AccessDenied => "the system does not allow it (ports below 1024 need rights)",
        SocketError.HostNotFound or SocketError.NoData or SocketError.NoRecovery => "the name is not known",
        SocketError.TryAgain => "the name could not be resolved just now",
        _ => exception.Message,
    };
}
