namespace Porthole.Protocol.Session;

/// <summary>A STREAM frame (RFC 9000 section 19.8), read in place.</summary>
internal readonly ref struct StreamFrame(long id, long offset, ReadOnlySpan<byte> data, bool fin)
{
    public long Id { get; } = id;

    public long Offset { get; } = offset;

    public ReadOnlySpan<byte> Data { get; } = data;

    /// <summary>Whether the stream ends with this frame.</summary>
    public bool Fin { get; } = fin;
}
