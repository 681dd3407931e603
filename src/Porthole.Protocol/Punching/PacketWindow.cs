namespace Porthole.Protocol.Punching;

/// <summary>
/// Counts packets so that no more than a number of them fall into any second: exactly, by the time of each. What must be sent whatever the number is counted all
/// the same, and leaves that much less for the rest.
/// </summary>
/// <param name="limit">The most packets of any second.</param>
internal sealed class PacketWindow(int limit)
{
    private static readonly TimeSpan s_second = TimeSpan.FromSeconds(1);

    private readonly Instant[] _times = new Instant[limit];
    private int _next;
    private int _count;

    /// <summary>When there is room for one more; long past while there is plenty.</summary>
    public Instant NextAt => _count < limit ? Instant.Zero : _times[_next] + s_second;

    /// <summary>Whether one more may go now.</summary>
    public bool HasRoom(Instant now) => NextAt <= now;

    /// <summary>Counts one.</summary>
    public void Take(Instant now)
    {
        _times[_next] = now;
        _next = (_next + 1) % limit;
        _count = Math.Min(_count + 1, limit);
    }
}
