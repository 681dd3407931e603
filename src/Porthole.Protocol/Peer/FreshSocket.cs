namespace Porthole.Protocol.Peer;

/// <summary>A UDP socket that was opened for one punch, so that its first packets get mappings which nobody has used before.</summary>
/// <param name="id">Its number.</param>
/// <param name="round">In which round of its method it was opened, from 1.</param>
internal sealed class FreshSocket(SocketId id, int round)
{
    public SocketId Id { get; } = id;

    public int Round { get; } = round;

    /// <summary>The address it is bound to; default until it is open.</summary>
    public TransportAddress Local { get; private set; }

    public bool IsOpen => Local != default;

    public void HandleOpened(TransportAddress local) => Local = local;
}
