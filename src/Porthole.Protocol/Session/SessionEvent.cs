using System.Buffers;
using System.Runtime.InteropServices;

namespace Porthole.Protocol.Session;

/// <summary>What happened in a session; taken with <c>PeerSession.TryTakeEvent</c> after every input.</summary>
public abstract record SessionEvent
{
    private SessionEvent()
    {
    }

    /// <summary>Keys are there and the peer's static key is known. At the responder nothing may be announced before <see cref="Confirmed"/>.</summary>
    /// <param name="RemoteKey">The peer's static key, proved by the handshake.</param>
    public sealed record HandshakeCompleted(PublicKey RemoteKey) : SessionEvent;

    /// <summary>The peer proved that it holds the keys: its first sealed packet, or the third handshake message, has come.</summary>
    public sealed record Confirmed : SessionEvent;

    /// <summary>A challenge was answered on this path: data may be moved to it.</summary>
    /// <param name="Path">The path.</param>
    /// <param name="RoundTrip">How long the answer took.</param>
    /// <param name="MaxPacket">The largest packet in bytes that passed both ways.</param>
    public sealed record PathValidated(PathId Path, TimeSpan RoundTrip, int MaxPacket) : SessionEvent;

    /// <summary>No challenge was answered on this path, at any size.</summary>
    /// <param name="Path">The path.</param>
    public sealed record PathValidationFailed(PathId Path) : SessionEvent;

    /// <summary>Data is unacknowledged on this path and nothing has come on it for 2 PTO: send copies on another.</summary>
    /// <param name="Path">The path.</param>
    public sealed record PathSuspect(PathId Path) : SessionEvent;

    /// <summary>Data is unacknowledged on this path and nothing has come on it for max(3 PTO, 1 s), at most 2 s: move.</summary>
    /// <param name="Path">The path.</param>
    public sealed record PathDead(PathId Path) : SessionEvent;

    /// <summary>A packet came on a path that was suspect or dead.</summary>
    /// <param name="Path">The path.</param>
    public sealed record PathRecovered(PathId Path) : SessionEvent;

    /// <summary>The peer opened a stream.</summary>
    /// <param name="Stream">The stream.</param>
    public sealed record StreamOpened(SessionStream Stream) : SessionEvent;

    /// <summary>There is something to read: bytes, the end, or a reset. Raised again only after a read.</summary>
    /// <param name="Stream">The stream.</param>
    public sealed record StreamReadable(SessionStream Stream) : SessionEvent;

    /// <summary>There is room again after a write that did not fit, or writing has become impossible.</summary>
    /// <param name="Stream">The stream.</param>
    public sealed record StreamWritable(SessionStream Stream) : SessionEvent;

    /// <summary>Both directions are over: everything written was acknowledged or given up, everything sent by the peer was read or given up.</summary>
    /// <param name="Stream">The stream.</param>
    public sealed record StreamClosed(SessionStream Stream) : SessionEvent;

    /// <summary>A stream can be opened again after an attempt was refused for the peer's limit.</summary>
    public sealed record StreamsAvailable : SessionEvent;

    /// <summary>A datagram came (RFC 9221).</summary>
    /// <param name="Data">Its bytes, owned by whoever takes the event.</param>
    public sealed record DatagramReceived(ReadOnlyMemory<byte> Data) : SessionEvent
    {
        /// <summary>Thousands may come in a second, and most are done with at once: 1 MiB of them is kept for the next.</summary>
        private static readonly ArrayPool<byte> s_pool = ArrayPool<byte>.Create(SessionLimits.MaxDatagram, maxArraysPerBucket: 1_024);

        /// <summary>Gives the memory back; the event and its bytes may not be used any more. Whoever keeps the bytes does not call it.</summary>
        public void Recycle()
        {
            if (MemoryMarshal.TryGetArray(Data, out var bytes)) s_pool.Return(bytes.Array!);
        }

        internal static DatagramReceived Copy(ReadOnlySpan<byte> data)
        {
            byte[] bytes = s_pool.Rent(SessionLimits.MaxDatagram);
            data.CopyTo(bytes);
            return new DatagramReceived(bytes.AsMemory(0, data.Length));
        }
    }

    /// <summary>The session is over for the application. No other event of the application follows.</summary>
    /// <param name="Code">The application's code, or a <see cref="TransportError"/>.</param>
    /// <param name="Reason">The words that came with it; possibly none, never with control characters.</param>
    /// <param name="ByPeer">Whether the peer closed it.</param>
    /// <param name="Cause">Why.</param>
    public sealed record Closed(ulong Code, string Reason, bool ByPeer, SessionCloseCause Cause) : SessionEvent;
}
