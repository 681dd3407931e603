using System.Net;
using System.Net.Sockets;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Live;

/// <summary>
/// A NAT between real sockets, for people without root: hosts inside hand it their datagrams (<see cref="LabNetwork"/>), it translates them by a
/// <see cref="NatTable"/> and sends them from sockets on its own outside address. What comes to these is let in or dropped as the table says.
/// </summary>
public sealed class NatProcess : IAsyncDisposable
{
    // How often mappings that have ended give their sockets back; mappings live for at least 30 seconds.
    private static readonly TimeSpan s_sweepInterval = TimeSpan.FromSeconds(5);

    private readonly NatProcessOptions _options;
    private readonly Action<NatProcessEvent> _report;
    private readonly TimeProvider _clock;
    private readonly long _start;
    private readonly NatTable _table;
    private readonly Socket _inside;
    private readonly Lock _lock = new();
    private readonly Dictionary<TransportAddress, Socket> _outside = [];
    private readonly CancellationTokenSource _closing = new();
    private readonly List<Task> _loops = [];
    private bool _disposed;

    private NatProcess(NatProcessOptions options, Action<NatProcessEvent> report, TimeProvider clock)
    {
        (_options, _report, _clock, _start) = (options, report, clock, clock.GetTimestamp());
        _table = new NatTable(options.Profile, new SeededEntropy(options.Seed), options.Outside);
        _inside = Bind(options.Inside);
        Inside = TransportAddress.FromEndPoint((IPEndPoint)_inside.LocalEndPoint!);
    }

    /// <summary>Where its hosts send to.</summary>
    public TransportAddress Inside { get; }

    private Instant Now => new(_clock.GetElapsedTime(_start).Ticks);

    private double At => (_clock.GetUtcNow() - DateTimeOffset.UnixEpoch).TotalMilliseconds;

    /// <summary>Starts a NAT.</summary>
    /// <param name="options">Where it stands and how it behaves.</param>
    /// <param name="report">Told of everything it does, one call at a time; it must not wait.</param>
    /// <param name="clock">Its clock; <c>null</c>: the system's.</param>
    /// <exception cref="SocketException">The inside address cannot be bound.</exception>
    public static NatProcess Start(NatProcessOptions options, Action<NatProcessEvent> report, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(report);
        var nat = new NatProcess(options, report, clock ?? TimeProvider.System);
        lock (nat._lock)
        {
            report(new NatProcessEvent.Listening(nat.At, nat.Inside, options.Outside.Host, options.Profile.Name));
            nat._loops.Add(nat.ReceiveAsync(nat._inside, nat.HandleFromInside));
            nat._loops.Add(nat.SweepAsync());
        }
        return nat;
    }

    /// <summary>Closes all sockets and returns when nothing of it runs any more.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
            foreach (var socket in _outside.Values) socket.Dispose();
            _inside.Dispose();
        }
        await _closing.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_loops).ConfigureAwait(false);
        _closing.Dispose();
    }

    private static Socket Bind(TransportAddress local)
    {
        var socket = new Socket(local.Family, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(local.ToEndPoint());
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private async Task ReceiveAsync(Socket socket, Action<Socket, TransportAddress, ReadOnlyMemory<byte>> handle)
    {
        await Task.Yield();
        byte[] buffer = new byte[DatagramBatchWriter.MaxDatagram + TunnelHeader.MaxSize];
        var any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        while (true)
        {
            try
            {
                var received = await socket.ReceiveFromAsync(buffer, SocketFlags.None, any, _closing.Token).ConfigureAwait(false);
                var from = TransportAddress.FromEndPoint((IPEndPoint)received.RemoteEndPoint);
                lock (_lock)
                {
                    if (!_disposed) handle(socket, from, buffer.AsMemory(0, received.ReceivedBytes));
                }
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionReset)
            {
                // Windows reports an ICMP error of an earlier send here; the socket is as good as before.
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
            {
                return;
            }
        }
    }

    private void HandleFromInside(Socket socket, TransportAddress from, ReadOnlyMemory<byte> datagram)
    {
        // Who holds the outside address must not be taken for a host inside, and nobody is sent beyond this machine.
        if (from.SameHost(_options.Outside) || !TunnelHeader.TryRead(datagram.Span, out var to, out int header)) return;
        var payload = datagram.Span[header..];
        if (!to.IsLoopback)
        {
            Drop(true, from, to, payload, "the lab reaches loopback addresses only");
            return;
        }
        var verdict = _table.TranslateOutbound(Now, new NatPacket(from, to));
        switch (verdict.Action)
        {
            case NatAction.Forward:
                SendOutside(from, verdict.Packet, payload);
                break;
            case NatAction.Hairpin:
                SendInside(from, to, verdict.Packet, payload);
                break;
            default: // datagrams are not answered
                Drop(true, from, to, payload, verdict.Reason.Meaning);
                break;
        }
    }

    private void HandleFromOutside(Socket socket, TransportAddress from, ReadOnlyMemory<byte> datagram)
    {
        var at = TransportAddress.FromEndPoint((IPEndPoint)socket.LocalEndPoint!);
        var verdict = _table.TranslateInbound(Now, new NatPacket(from, at));
        if (verdict.IsTranslated) SendInside(from, at, verdict.Packet, datagram.Span);
        else Drop(false, from, at, datagram.Span, verdict.Reason.Meaning);
    }

    private void SendOutside(TransportAddress from, NatPacket packet, ReadOnlySpan<byte> payload)
    {
        if (!_outside.TryGetValue(packet.Source, out var socket))
        {
            try
            {
                socket = Bind(packet.Source);
            }
            catch (SocketException e)
            {
                Drop(true, from, packet.Destination, payload, $"the outside port {packet.Source.Port} cannot be had: {e.Message}");
                return;
            }
            _outside.Add(packet.Source, socket);
            _loops.RemoveAll(static loop => loop.IsCompleted);
            _loops.Add(ReceiveAsync(socket, HandleFromOutside));
            _report(new NatProcessEvent.Mapped(At, from, packet.Source, packet.Destination));
        }
        try
        {
            double at = At; // before the send, so that it is never later than what the receiver reports
            socket.SendTo(payload, packet.Destination.ToEndPoint());
            _report(new NatProcessEvent.Passed(at, true, from, packet.Source, packet.Destination, PacketKinds.Classify(payload), payload.Length));
        }
        catch (SocketException e)
        {
            Drop(true, from, packet.Destination, payload, e.Message);
        }
    }

    private void SendInside(TransportAddress from, TransportAddress mapped, NatPacket packet, ReadOnlySpan<byte> payload)
    {
        byte[] framed = new byte[TunnelHeader.MaxSize + payload.Length];
        int header = TunnelHeader.Write(framed, packet.Source);
        payload.CopyTo(framed.AsSpan(header));
        try
        {
            _inside.SendTo(framed.AsSpan(0, header + payload.Length), packet.Destination.ToEndPoint());
            _report(new NatProcessEvent.Passed(At, false, from, mapped, packet.Destination, PacketKinds.Classify(payload), payload.Length));
        }
        catch (SocketException e)
        {
            Drop(false, from, packet.Destination, payload, e.Message);
        }
    }

    private void Drop(bool outgoing, TransportAddress from, TransportAddress to, ReadOnlySpan<byte> payload, string reason) =>
        _report(new NatProcessEvent.Dropped(At, outgoing, from, to, PacketKinds.Classify(payload), payload.Length, reason));

    private async Task SweepAsync()
    {
        using var timer = new PeriodicTimer(s_sweepInterval, _clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_closing.Token).ConfigureAwait(false))
            {
                lock (_lock) Sweep();
            }
        }
        catch (OperationCanceledException)
        {
            // Closing.
        }
    }

    private void Sweep()
    {
        var live = _table.GetMappings(Now).Select(mapping => mapping.External).ToHashSet();
        foreach (var outside in _outside.Keys.Where(outside => !live.Contains(outside)).ToArray())
        {
            _outside.Remove(outside, out var socket);
            socket!.Dispose();
            _report(new NatProcessEvent.Expired(At, outside));
        }
    }
}
