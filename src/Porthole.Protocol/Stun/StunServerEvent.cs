namespace Porthole.Protocol.Stun;

/// <summary>What a STUN server tells whoever runs it.</summary>
public abstract record StunServerEvent
{
    private StunServerEvent() { }

    /// <summary>A socket is open.</summary>
    /// <param name="Local">The address it is bound to.</param>
    public sealed record Listening(TransportAddress Local) : StunServerEvent;

    /// <summary>A socket could not be opened, or is lost.</summary>
    /// <param name="Wanted">The address that was asked for.</param>
    /// <param name="Reason">What happened.</param>
    /// <param name="Detail">One line for a person.</param>
    public sealed record NotListening(TransportAddress Wanted, SocketFailure Reason, string Detail) : StunServerEvent;
}
