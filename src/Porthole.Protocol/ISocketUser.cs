namespace Porthole.Protocol;

/// <summary>A machine that needs sockets: it asks for them by number, the driver opens them and says what became of each.</summary>
public interface ISocketUser : IProtocolMachine
{
    /// <summary>Takes the next request; drain to false after every input, behind the datagrams: a socket that is closed still carries its last word.</summary>
    bool TryTakeSocketRequest([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SocketRequest? request);

    /// <summary>Takes what became of a socket, or of the network.</summary>
    void HandleSocketEvent(Instant now, SocketEvent socketEvent);
}
