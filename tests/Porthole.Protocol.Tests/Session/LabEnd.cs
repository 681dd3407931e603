using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>One end of a <see cref="SessionLab"/>: a session and what its application does.</summary>
internal sealed class LabEnd(PeerSession session)
{
    private readonly byte[] _memory = new byte[DatagramBatchWriter.MaxBytes];

    public PeerSession Session { get; } = session;

    public List<SessionEvent> Events { get; } = [];

    public List<StreamSource> Sources { get; } = [];

    public List<StreamSink> Sinks { get; } = [];

    /// <summary>What to do with an event, besides keeping it.</summary>
    public Action<SessionEvent>? React { get; set; }

    public Span<byte> Memory => _memory;

    public IEnumerable<T> Seen<T>()
        where T : SessionEvent => Events.OfType<T>();

    public StreamSource Send(Instant now, long bytes, int seed = 0)
    {
        Assert.True(Session.TryOpenStream(now, out var stream));
        var source = new StreamSource(stream, bytes, seed);
        Sources.Add(source);
        source.Pump(now, Session);
        return source;
    }

    public void TakeEvents(Instant now)
    {
        while (Session.TryTakeEvent(out var taken))
        {
            Events.Add(taken);
            React?.Invoke(taken);
            if (taken is SessionEvent.StreamReadable readable)
            {
                foreach (var sink in Sinks)
                {
                    if (sink.Stream == readable.Stream) sink.Pump(now, Session);
                }
            }

            if (taken is SessionEvent.StreamWritable writable)
            {
                foreach (var source in Sources)
                {
                    if (source.Stream == writable.Stream) source.Pump(now, Session);
                }
            }
        }
    }
}
