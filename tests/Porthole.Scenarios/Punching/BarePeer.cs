using Porthole.Lab;
using Porthole.Protocol;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Punching;

/// <summary>
/// A program with one socket that embeds a bare puncher: asks a server for its mapped address, punches, and from then on does what a connected socket does: takes
/// datagrams from the chosen address only, and sends its own.
/// </summary>
internal sealed class BarePeer : IProtocolMachine
{
    private const int StunRequestSize = 20;

    private static readonly SocketId s_socket = new(1);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(20);

    private readonly EntropySource _entropy;
    private readonly SimulatedMachine _running;
    private TransportAddress _server;
    private Instant _sendAt = Instant.Never;
    private int _toSend;

    public BarePeer(SimulatedHost host, EntropySource entropy)
    {
        _entropy = entropy;
        _running = host.Run(this, TakeEvents);
        Host = host;
        Local = _running.Bind(s_socket, host.Addresses[0].WithPort(5_000));
    }

    public SimulatedHost Host { get; }

    public TransportAddress Local { get; }

    /// <summary>What the server saw; null before its answer.</summary>
    public TransportAddress? Mapped { get; private set; }

    public UdpPuncher? Puncher { get; private set; }

    public List<UdpPunchEvent> Events { get; } = [];

    public Instant? ConnectedAt { get; private set; }

    public Instant? FailedAt { get; private set; }

    /// <summary>Datagrams of the other program that arrived, over the chosen address.</summary>
    public int Received { get; private set; }

    /// <summary>Messages of the punch that would have ended up among them.</summary>
    public int Leaked { get; private set; }

    public Instant? NextDeadline => Instant.Earlier(Puncher?.NextDeadline, _sendAt == Instant.Never ? null : _sendAt);

    public void Ask(TransportAddress server) => _running.Invoke(_ => _server = server);

    public void Punch(TransportAddress mapped, UdpPunchOptions options) => _running.Invoke(now =>
    {
        Puncher = new UdpPuncher(options, s_socket, mapped, _entropy);
        Puncher.Start(now);
    });

    /// <summary>The program begins to send as soon as its socket is connected.</summary>
    public void SendWhenConnected(int count) => _toSend = count;

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams)
        {
            var bytes = batch.Bytes(datagram);
            if (StunReader.TryParse(bytes, out var message) && message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped)) Mapped = mapped;
        }

        if (Puncher is null) return;
        if (!Puncher.IsOver)
        {
            Puncher.HandleDatagrams(now, batch);
            if (!Puncher.IsOver) return;
            TakeEvents(now);
            if (UdpPuncher.IsPunch(batch.Bytes(batch.Datagrams[0]))) return;
        }

        foreach (var datagram in batch.Datagrams)
        {
            if (datagram.Remote != Puncher.Chosen) continue; // the socket is connected: the system drops it
            if (UdpPuncher.IsPunch(batch.Bytes(datagram))) Leaked++;
            else Received++;
        }
    }

    public void HandleDeadline(Instant now) => Puncher?.HandleDeadline(now);

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (_server != default)
        {
            if (!writer.TryReserve(StunRequestSize, out var buffer)) return false;
            var request = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, TransactionId.Create(_entropy));
            writer.Begin(s_socket, _server);
            writer.Commit(request.Length);
            _server = default;
            return true;
        }

        if (Puncher?.TryWrite(now, ref writer) == true) return true;
        if (now < _sendAt || !writer.TryReserve(4, out var data)) return false;
        _sendAt = --_toSend > 0 ? now + s_pause : Instant.Never;
        "data"u8.CopyTo(data);
        writer.Begin(s_socket, Puncher!.Chosen!.Value);
        writer.Commit(4);
        return true;
    }

    private void TakeEvents(Instant now)
    {
        while (Puncher?.TryTakeEvent(out var happened) == true)
        {
            Events.Add(happened);
            if (happened is UdpPunchEvent.Failed) FailedAt = now;
            if (happened is not UdpPunchEvent.Connected) continue;
            ConnectedAt = now;
            if (_toSend > 0) _sendAt = now;
        }
    }
}
