namespace Porthole.Protocol.Punching;

/// <summary>What became of a connection on which two bare punchers met, or did not.</summary>
public abstract record TcpAgreementEvent
{
    private TcpAgreementEvent() { }

    /// <summary>Both sides know that this is the one. What comes on it next is the program's.</summary>
    /// <param name="Connection">The connection.</param>
    public sealed record Agreed(SocketId Connection) : TcpAgreementEvent;

    /// <summary>The connection is of no use: close it abortively.</summary>
    /// <param name="Connection">The connection.</param>
    public sealed record Dropped(SocketId Connection) : TcpAgreementEvent;
}
