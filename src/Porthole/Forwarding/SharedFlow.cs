using System.Buffers;
using System.Net;
using System.Net.Sockets;
using Porthole.Sockets;

namespace Porthole.Forwarding;

/// <summary>One flow of UDP datagrams at a sharer: a socket of its own, so that the target tells clients apart, and takes what the target sends and nobody else.</summary>
internal sealed class SharedFlow : IDisposable
{
    /// <summary>The pause after an error that may last, as when there is no memory: the next one must not follow at once.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly Socket _socket;
    private readonly DatagramCarrier _carrier;
    private readonly ushort _association;
    private readonly uint _flow;
    private readonly Action _used;
    private readonly TimeProvider _clock;
    private readonly byte[] _peek = new byte[1];
    private long _toPeer;
    private long _fromPeer;
    private ushort _number;

    /// <summary>Opens a flow.</summary>
    /// <param name="id">Its number for the observer.</param>
    /// <param name="association">What it goes to.</param>
    /// <param name="flow">Its number, as the forwarder numbers it.</param>
    /// <param name="carrier">What carries the target's datagrams.</param>
    /// <param name="used">Is told of a datagram of the target.</param>
    /// <param name="clock">The clock of pauses.</param>
    /// <exception cref="SocketException">There is no socket to be had.</exception>
    public SharedFlow(long id, SharedAssociation association, uint flow, DatagramCarrier carrier, Action used, TimeProvider clock)
    {
        (Id, Association, _association, _flow, _carrier, _used, _clock) = (id, association, association.Number, flow, carrier, used, clock);
        _socket = new Socket(association.Address.AddressFamily, SocketType.Dgram, ProtocolType.Udp) { Blocking = false };
        try
        {
            UdpSockets.Widen(_socket);
            _socket.Connect(association.Address);
        }
        catch (SocketException)
        {
            _socket.Dispose();
            throw;
        }
    }

    public long Id { get; }

    public SharedAssociation Association { get; }

    public EndPoint? Remote => _socket.RemoteEndPoint;

    public long BytesToPeer => Interlocked.Read(ref _toPeer);

    public long BytesFromPeer => Interlocked.Read(ref _fromPeer);

    /// <summary>Begins to take what the target sends.</summary>
    public void Start() => _ = ReceiveAsync();

    /// <summary>Sends a datagram to the target, at once or never.</summary>
    public void Send(ReadOnlySpan<byte> payload)
    {
        try
        {
            _socket.Send(payload);
            Interlocked.Add(ref _fromPeer, payload.Length);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // Nobody listens there (now), or there is no room: a datagram may be lost.
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task ReceiveAsync()
    {
        while (true)
        {
            try
            {
                await WaitAsync().ConfigureAwait(false);
                await ForwardAsync().ConfigureAwait(false);
            }
            catch (SocketException exception) when (exception.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset or SocketError.HostUnreachable or SocketError.NetworkUnreachable)
            {
                // An ICMP error: the target may listen later.
            }
            catch (SocketException exception) when (exception.SocketErrorCode != SocketError.OperationAborted)
            {
                await Task.Delay(s_pause, _clock, CancellationToken.None).ConfigureAwait(false); // another ICMP error, or the host is short of something: what has arrived waits in the socket
            }
            catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Waits without a buffer worth mentioning: of many flows most are quiet.</summary>
    private async ValueTask WaitAsync()
    {
        try
        {
            await _socket.ReceiveAsync(_peek, SocketFlags.Peek, CancellationToken.None).ConfigureAwait(false);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.MessageSize)
        {
            // Windows: there is more than a byte.
        }
    }

    private async ValueTask ForwardAsync()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ushort.MaxValue);
        try
        {
            do
            {
                int count = await _socket.ReceiveAsync(buffer, SocketFlags.None, CancellationToken.None).ConfigureAwait(false);
                _used();
                Interlocked.Add(ref _toPeer, count);
                _carrier.TrySend(_association, _flow, _number++, buffer.AsSpan(0, count));
            }
            while (_socket.Available > 0);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
