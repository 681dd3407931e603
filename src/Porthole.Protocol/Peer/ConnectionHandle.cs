namespace Porthole.Protocol.Peer;

/// <summary>
/// A connection to a peer as the application knows it. It outlives sessions and paths: when both sides connect at once and one session stays, the
/// handle stays too.
/// </summary>
/// <param name="Value">The number, from 1 up; 0 is no connection.</param>
public readonly record struct ConnectionHandle(int Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"connection {Value}";
}
