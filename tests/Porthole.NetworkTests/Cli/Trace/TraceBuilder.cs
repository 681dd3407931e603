using Porthole.Cli.Trace;
using Porthole.Diagnostics;
using Porthole.Protocol;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Stun;

namespace Porthole.NetworkTests.Cli.Trace;

/// <summary>Makes traces by hand: one entry a millisecond.</summary>
internal sealed class TraceBuilder
{
    public static readonly TransportAddress Local = TransportAddress.Parse("192.168.1.10:8900");
    public static readonly TransportAddress Server = TransportAddress.Parse("203.0.113.1:3478");
    public static readonly TransportAddress Peer = TransportAddress.Parse("198.51.100.2:4000");

    private readonly List<TraceEntry> _entries = [];

    private TimeSpan Next => TimeSpan.FromMilliseconds(_entries.Count);

    public TraceStory Story => TraceStory.Of(Record);

    public TraceRecord Record => new(DateTimeOffset.UnixEpoch.AddSeconds(1_700_000_000), _entries, 0, 0);

    /// <summary>A request: a check if it has a priority, else a question.</summary>
    public TraceBuilder Request(int id, bool isCheck, bool isSent = true, TransportAddress? remote = null, int hopLimit = 0, TransportAddress? local = null) =>
        Packet(isSent, remote ?? (isCheck ? Peer : Server), Message(StunClass.Request, id, isCheck), hopLimit, local);

    public TraceBuilder Answer(int id, bool isSent = false, TransportAddress? remote = null, TransportAddress? local = null) =>
        Packet(isSent, remote ?? Peer, Message(StunClass.SuccessResponse, id, isCheck: false), local: local);

    public TraceBuilder Packet(bool isSent, TransportAddress remote, byte[] bytes, int hopLimit = 0, TransportAddress? local = null)
    {
        _entries.Add(new TraceEntry.Packet(Next, TraceCarrier.Udp, isSent, local ?? Local, remote, hopLimit, bytes));
        return this;
    }

    public TraceBuilder Main(MainMessageKind kind, bool isSent)
    {
        _entries.Add(new TraceEntry.ServerMessage(Next, isSent, kind, 100));
        return this;
    }

    public TraceBuilder Told(PeerEvent happened)
    {
        _entries.Add(new TraceEntry.Happened(Next, happened));
        return this;
    }

    /// <summary>The agent says that a request was a check.</summary>
    public TraceBuilder Checked(TransportAddress? remote = null) => Told(new PeerEvent.CheckTraced(new ConnectionHandle(1), CheckStep.Sent, Local, remote ?? Peer, 1));

    private static byte[] Message(StunClass messageClass, int id, bool isCheck)
    {
        byte[] buffer = new byte[200];
        byte[] transaction = new byte[TransactionId.Size];
        BitConverter.TryWriteBytes(transaction, id);
        var writer = new StunWriter(buffer, messageClass, StunMethod.Binding, new TransactionId(transaction));
        if (isCheck) writer.WriteUInt32(StunAttributeType.Priority, 1);
        if (messageClass == StunClass.SuccessResponse) writer.WriteXorAddress(StunAttributeType.XorMappedAddress, Peer);
        writer.WriteFingerprint();
        return buffer[..writer.Length];
    }
}
