using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Stun;

/// <summary>A STUN server over UDP (RFC 8489 section 6.3): answers Binding requests on several sockets, each from the socket that was asked unless the client wants another.</summary>
/// <remarks>Its memory is fixed: a ring of answers that wait to be written, and the tables of the limits.</remarks>
public sealed class StunServer : ISocketUser
{
    /// <summary>How many answers may wait to be written: some batches of a driver. What comes on top is dropped, as the network would.</summary>
    public const int MaxPending = StunAnswerQueue.Capacity;

    private readonly StunResponder _responder;
    private readonly StunEndpoints _endpoints;
    private readonly StunAnswerQueue _answers = new(StunResponder.MaxPaddedAnswer);
    private readonly Queue<SocketRequest> _requests = [];

    /// <summary>Creates a server that asks for its sockets.</summary>
    /// <param name="options">Where it listens, and its limits.</param>
    /// <param name="key">The key that credentials and proofs are made with.</param>
    /// <param name="clock">What the wall clock says.</param>
    /// <param name="entropy">For the keys of the limits' tables.</param>
    public StunServer(StunServerOptions options, StunServerKey key, WallClock clock, EntropySource entropy)
    {
        ArgumentNullException.ThrowIfNull(options);
        _responder = new StunResponder(options, key, clock, entropy);
        _endpoints = new StunEndpoints(options.SecondHost);
        foreach (var local in options.Listen) _requests.Enqueue(new SocketRequest.UdpBind(_endpoints.Add(local), local));
    }

    /// <inheritdoc/>
    /// <remarks>Never: the server only answers.</remarks>
    public Instant? NextDeadline => null;

    /// <summary>How many requests were answered.</summary>
    public long Answered { get; private set; }

    /// <summary>How many datagrams were dropped: no request, over a limit, or too many at once.</summary>
    public long Dropped { get; private set; }

    /// <summary>Takes a new reading of the wall clock.</summary>
    public void SetWallClock(WallClock clock) => _responder.SetWallClock(clock);

    /// <inheritdoc/>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent) => _endpoints.HandleSocketEvent(socketEvent);

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams)
        {
            var endpoint = _endpoints.Find(datagram.Socket);
            StunRoute route = default;
            int length = endpoint is null || _answers.IsFull ? 0 : _responder.Respond(now, datagram.Remote, endpoint, batch.Bytes(datagram), _answers.Next, out route);
            if (length == 0)
            {
                Dropped++;
                continue;
            }

            _answers.Add(route.From.Socket, route.To, length);
            Answered++;
        }
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now)
    {
    }

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => _answers.TryWrite(ref writer);

    /// <inheritdoc/>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    /// <summary>Takes the next event; drain to false after every socket event.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out StunServerEvent? serverEvent) => _endpoints.TryTakeEvent(out serverEvent);
}
