using System.Net.Sockets;
using Porthole.Protocol;

namespace Porthole.Sockets;

internal sealed partial class TcpConnection
{
    /// <summary>How much may wait unsent before the machine is told to stop: more would only add delay for what comes after.</summary>
    public const int CongestedAt = 64 * 1024;

    /// <summary>How little must wait before the machine is told to go on.</summary>
    public const int WritableAt = 32 * 1024;

    /// <summary>What a machine that does not listen may pile up before the connection is cut.</summary>
    private const int CutAt = 4 * 1024 * 1024;

    /// <summary>What is handed to the system at a time when it takes no more at once: the machine is told to go on while there still is something to send.</summary>
    private const int Portion = 16 * 1024;

    private readonly SendQueue _queue = new();
    private Task _sending = Task.CompletedTask;
    private bool _isOpen;
    private bool _isSending;
    private bool _isCongested;
    private bool _isCut;

    /// <inheritdoc/>
    public bool IsCongested => Volatile.Read(ref _isCongested);

    private bool IsOpen
    {
        get
        {
            lock (_gate) return _isOpen;
        }
    }

    /// <summary>Notes that the socket is connected: from now on messages can be sent.</summary>
    /// <returns>False when the connection was closed meanwhile.</returns>
    public bool TryOpen()
    {
        lock (_gate)
        {
            if (_socket is null || IsClosing) return false;
            _socket.Blocking = false; // what is awaited is not concerned
            return _isOpen = true;
        }
    }

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
        lock (_gate)
        {
            if (!_isOpen || _socket is null || IsClosing) return;
            MessageFrames.Append(_queue, framing, bytes, segmentSize);
            if (!_isSending && !TrySendAll(_socket))
            {
                _isSending = true;
                _sending = SendRestAsync(_socket);
            }

            _isCut |= _queue.Length > CutAt;
            if (!_isCongested && _queue.Length > CongestedAt)
            {
                // Inside the lock, like "writable": the machine must hear of both in the order in which they happened.
                _isCongested = true;
                inbox.Deliver(new SocketEvent.Congested(id));
            }
        }

        if (_isCut) Reset(); // the receiving side sees it, and says why
    }

    /// <summary>Hands the system what it takes now. No allocation, no wait.</summary>
    /// <returns>False when something is left.</returns>
    private bool TrySendAll(Socket socket)
    {
        while (_queue.Length > 0)
        {
            int sent = socket.Send(_queue.First.Span, SocketFlags.None, out var error);
            if (error != SocketError.Success) return false;
            _queue.Advance(sent);
        }

        return true;
    }

    private async Task SendRestAsync(Socket socket)
    {
        await Task.Yield(); // the caller is the machine's thread
        try
        {
            while (TryPeek(out var next))
            {
                int sent = await socket.SendAsync(next, SocketFlags.None).ConfigureAwait(false);
                NoteSent(sent);
            }
        }
        catch (Exception exception)
        {
            Reset(); // the receiving side sees it, and says why
            if (exception is not (SocketException or ObjectDisposedException)) throw;
        }
    }

    private bool TryPeek(out ReadOnlyMemory<byte> next)
    {
        lock (_gate)
        {
            next = _queue.First;
            if (next.Length > Portion) next = next[..Portion];
            return _isSending = next.Length > 0 && _socket is not null;
        }
    }

    private void NoteSent(int bytes)
    {
        lock (_gate)
        {
            _queue.Advance(bytes);
            if (!_isCongested || _queue.Length > WritableAt) return;
            _isCongested = false;
            if (!IsClosing) inbox.Deliver(new SocketEvent.Writable(id));
        }
    }
}
