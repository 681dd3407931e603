using Porthole.Protocol.Forwarding;
using Porthole.Runtime;

namespace Porthole.Forwarding;

/// <summary>Carries UDP datagrams on the datagrams of a connection: cuts long ones into pieces, and puts those of the peer together. Sending is safe from any thread.</summary>
internal sealed class DatagramCarrier(PeerConnection connection, TimeProvider clock)
{
    private readonly InstantClock _clock = new(clock);
    private readonly DatagramReassembler _reassembler = new();

    /// <summary>What is done with a datagram of the peer; its bytes are borrowed until the call returns.</summary>
    public delegate void Receiver(ushort association, uint flow, ReadOnlySpan<byte> payload);

    /// <summary>Sends a datagram, at once or never.</summary>
    /// <param name="association">The number of the association.</param>
    /// <param name="flow">The number of the flow.</param>
    /// <param name="number">The number of the datagram in its flow.</param>
    /// <param name="payload">Its bytes; one that is longer than any UDP datagram of IPv4 is lost.</param>
    /// <returns>False when the connection is over.</returns>
    public bool TrySend(ushort association, uint flow, ushort number, ReadOnlySpan<byte> payload)
    {
        if (payload.Length > ForwardDatagram.MaxPayload) return true;
        Span<byte> bytes = stackalloc byte[ForwardDatagram.MaxSize];
        try
        {
            int count = ForwardDatagram.CountFor(payload.Length);
            for (int piece = 0; piece < count; piece++) connection.SendDatagram(bytes[..ForwardDatagram.Write(bytes, association, flow, number, payload, piece)]);
            return true;
        }
        catch (PeerException)
        {
            return false;
        }
    }

    /// <summary>Takes the datagrams of the peer until the connection is over.</summary>
    public async Task ReceiveAsync(Receiver receiver, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[ForwardDatagram.MaxSize];
        try
        {
            while (true) Handle(buffer.AsSpan(0, await connection.ReceiveDatagramAsync(buffer, cancellationToken).ConfigureAwait(false)), receiver);
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            // The connection, or this end, is over.
        }
    }

    private void Handle(ReadOnlySpan<byte> bytes, Receiver receiver)
    {
        if (!ForwardDatagram.TryRead(bytes, out var datagram)) return;
        if (!datagram.IsPiece) receiver(datagram.Association, datagram.Flow, datagram.Data);
        else if (_reassembler.TryAdd(_clock.Now, datagram, out var whole)) receiver(datagram.Association, datagram.Flow, whole);
    }
}
