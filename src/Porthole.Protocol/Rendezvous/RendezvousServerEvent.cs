namespace Porthole.Protocol.Rendezvous;

/// <summary>What happened at a rendezvous server that its owner keeps, forwards or writes to the log.</summary>
public abstract record RendezvousServerEvent
{
    private RendezvousServerEvent() { }

    /// <summary>A name was taken or used: the record to be kept in place of the last one of that name.</summary>
    /// <param name="Record">The record.</param>
    public sealed record NameChanged(NameRecord Record) : RendezvousServerEvent;

    /// <summary>The relay carries a session between two connections. The router knows already.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="First">One connection.</param>
    /// <param name="Second">The other.</param>
    public sealed record RouteAdded(SessionId Session, SocketId First, SocketId Second) : RendezvousServerEvent;

    /// <summary>The relay does not carry it any more. The router knows already.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="First">One connection.</param>
    /// <param name="Second">The other.</param>
    public sealed record RouteRemoved(SessionId Session, SocketId First, SocketId Second) : RendezvousServerEvent;

    /// <summary>A client was let in.</summary>
    /// <param name="Socket">Its connection.</param>
    /// <param name="Peer">Who it is.</param>
    /// <param name="Remote">Where it came from.</param>
    public sealed record PeerConnected(SocketId Socket, PeerId Peer, TransportAddress Remote) : RendezvousServerEvent;

    /// <summary>A client registered.</summary>
    /// <param name="Socket">Its connection.</param>
    /// <param name="Peer">Who it is.</param>
    /// <param name="Name">Its name; null for none.</param>
    public sealed record PeerRegistered(SocketId Socket, PeerId Peer, string? Name) : RendezvousServerEvent;

    /// <summary>A client that was let in is gone.</summary>
    /// <param name="Socket">Its connection.</param>
    /// <param name="Peer">Who it was.</param>
    /// <param name="Reason">Why; <see cref="RendezvousError.ConnectionLost"/> when it simply went.</param>
    /// <param name="RelayedBytes">What it sent through the relay.</param>
    public sealed record PeerDisconnected(SocketId Socket, PeerId Peer, RendezvousError Reason, long RelayedBytes) : RendezvousServerEvent;

    /// <summary>Both sides of a session have said what a punch came to, or one has, and the other will not.</summary>
    /// <param name="Session">The session.</param>
    /// <param name="Method">What led to a direct path; <see cref="PunchMethod.Relay"/> when nothing did.</param>
    /// <param name="Reason">Why, as one of the two sees it.</param>
    /// <param name="IsNews">Whether the session's punch before came to something else, or there was none.</param>
    public sealed record PunchDecided(SessionId Session, PunchMethod Method, VerdictReason Reason, bool IsNews) : RendezvousServerEvent;

    /// <summary>A connection was turned away before it was let in.</summary>
    /// <param name="Remote">Where it came from.</param>
    /// <param name="Error">Why.</param>
    public sealed record TurnedAway(TransportAddress Remote, RendezvousError Error) : RendezvousServerEvent;
}
