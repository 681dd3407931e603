using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Porthole.Diagnostics;
using Porthole.Files;
using Porthole.Protocol.Applications;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Session;

namespace Porthole;

/// <summary>
/// Serves the streams that peers open, each by the protocol that it names, so that several programs share a node: an ASP.NET Core application and a game, say. A stream of a protocol that nobody
/// serves is given up with <see cref="NotServed"/>.
/// </summary>
public sealed class StreamRouter
{
    /// <summary>The code with which a stream is given up whose protocol is not served here, or that names none.</summary>
    public const long NotServed = 0x5001;

    /// <summary>The code with which a stream is given up whose handler failed.</summary>
    public const long HandlerFailed = 0x5002;

    /// <summary>How long a stream may take from its first byte to the end of its protocol's name, which fits into one packet: a round trip or two for a loss.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<string, Func<PeerConnection, PeerStream, Task>> _handlers = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<PeerConnection, bool> _served = new();
    private readonly PeerNode _node;
    private readonly ILogger _logger;
    private int _started;

    internal StreamRouter(PeerNode node, ILogger logger) => (_node, _logger) = (node, logger);

    /// <summary>Has streams of a protocol handled.</summary>
    /// <param name="protocol">The protocol's name, as in <see cref="PeerConnection.OpenStreamAsync(string, CancellationToken)"/>.</param>
    /// <param name="handler">Is handed the stream behind the name, and owns it: it disposes of it. It may take as long as it likes, but
    /// what it leaves unread takes room from all streams of the connection (<see cref="SessionOptions.InitialSessionWindow"/>): a stream that it does not want to read on it gives up (<see cref="PeerStream.AbortReads"/>).</param>
    /// <returns>Ends it, for streams that come later.</returns>
    /// <exception cref="ArgumentException">It is no name.</exception>
    /// <exception cref="InvalidOperationException">The protocol is served already.</exception>
    public IDisposable Map(string protocol, Func<PeerConnection, PeerStream, Task> handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        if (!StreamPreamble.IsValid(protocol)) throw new ArgumentException($"A protocol's name has 1 to {StreamPreamble.MaxName} letters, digits, '-', '_', '.' and '/'.", nameof(protocol));
        if (!_handlers.TryAdd(protocol, handler)) throw new InvalidOperationException($"'{protocol}' is served on this node already.");
        return new Mapping(_handlers, protocol, handler);
    }

    /// <summary>Takes every connection that other peers make from now on, in place of <see cref="PeerNode.AcceptAsync"/>, and serves its streams. A second call does nothing.</summary>
    public void Start()
    {
        if (Interlocked.Exchange(ref _started, 1) == 0) _ = AcceptAsync();
    }

    /// <summary>Serves the streams of one connection, until it ends: one that was called, or accepted by hand. A second call for it does nothing.</summary>
    public void Serve(PeerConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        if (_served.TryAdd(connection, true)) _ = ServeAsync(connection, isServed: true);
    }

    /// <summary>Serves the streams of a connection that was called for streams of this end's own, but where nobody's calls are taken: to call a peer does not invite it.</summary>
    internal void ServeCalled(PeerConnection connection)
    {
        if (_served.TryAdd(connection, true)) _ = ServeAsync(connection, isServed: _node.Options.Accept != AcceptPolicy.Nobody);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true) Serve(await _node.AcceptAsync().ConfigureAwait(false));
        }
        catch (PeerException)
        {
            // The node is closed.
        }
    }

    private async Task ServeAsync(PeerConnection connection, bool isServed)
    {
        try
        {
            while (true)
            {
                var stream = await connection.AcceptStreamAsync().ConfigureAwait(false);
                if (isServed) _ = HandleAsync(connection, stream);
                else GiveUp(stream, NotServed);
            }
        }
        catch (PeerException)
        {
            _served.TryRemove(connection, out _);
        }
    }

    private async Task HandleAsync(PeerConnection connection, PeerStream stream)
    {
        try
        {
            using var late = new CancellationTokenSource(s_patience, _node.Options.TimeProvider);
            string? protocol = await stream.ReadProtocolAsync(late.Token).ConfigureAwait(false);
            if (protocol is not null && _handlers.TryGetValue(protocol, out var handler))
            {
                await handler(connection, stream).ConfigureAwait(false);
                return;
            }

            PeerLog.NotServed(_logger, connection.RemoteLabel, protocol ?? "no name");
            GiveUp(stream, NotServed);
        }
        catch (Exception exception) when (exception is PeerException or OperationCanceledException)
        {
            GiveUp(stream, NotServed); // the peer has gone, or has not said what it wants
        }
        catch (FileException exception)
        {
            // An offer that was refused, a file that was there: the sender was told, and the handler is sound.
            PeerLog.FilesNotReceived(_logger, connection.RemoteLabel, exception.Message);
            GiveUp(stream, HandlerFailed);
        }
        catch (Exception exception)
        {
            PeerLog.StreamHandlerFailed(_logger, connection.RemoteLabel, exception);
            GiveUp(stream, HandlerFailed);
        }
    }

    private static void GiveUp(PeerStream stream, long code)
    {
        stream.Abort(code);
        stream.Dispose();
    }

    private sealed class Mapping(ConcurrentDictionary<string, Func<PeerConnection, PeerStream, Task>> handlers, string protocol, Func<PeerConnection, PeerStream, Task> handler) : IDisposable
    {
        public void Dispose() => handlers.TryRemove(KeyValuePair.Create(protocol, handler));
    }
}
