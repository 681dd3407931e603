using System.IO.Pipelines;
using System.Net;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.AspNetCore.Http.Features;
using Porthole.Protocol;
using Porthole.Protocol.Peer;

namespace Porthole.AspNetCore;

/// <summary>A stream of a peer as ASP.NET Core sees a connection.</summary>
public sealed class PeerConnectionContext : ConnectionContext, IPortholeConnectionFeature, IConnectionIdFeature, IConnectionItemsFeature, IConnectionLifetimeFeature, IConnectionEndPointFeature, IConnectionTransportFeature
{
    /// <summary>The code with which a stream is given up that ASP.NET Core aborts: a limit was broken, or the application wants it so.</summary>
    public const long Aborted = 0x5003;

    private readonly CancellationTokenSource _closed = new();
    private int _disposed;

    /// <summary>Makes a stream a connection of ASP.NET Core.</summary>
    /// <param name="node">The node.</param>
    /// <param name="connection">The connection.</param>
    /// <param name="stream">A stream of it, which the context owns from now on.</param>
    public PeerConnectionContext(PeerNode node, PeerConnection connection, PeerStream stream)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(stream);
        (Connection, Stream) = (connection, stream);
        ConnectionId = $"{connection.Handle.Value:x}:{stream.Id:x}";
        LocalEndPoint = new PeerEndPoint(node.Id, node.Name);
        RemoteEndPoint = new PeerEndPoint(connection.RemotePeerId, connection.RemoteName);
        Transport = new PeerStreamPipe(stream, Translate);
        ConnectionClosed = _closed.Token;
        Features.Set<IPortholeConnectionFeature>(this);
        Features.Set<IConnectionIdFeature>(this);
        Features.Set<IConnectionItemsFeature>(this);
        Features.Set<IConnectionLifetimeFeature>(this);
        Features.Set<IConnectionEndPointFeature>(this);
        Features.Set<IConnectionTransportFeature>(this);
        _ = WatchAsync();
    }

    /// <inheritdoc/>
    public PeerConnection Connection { get; }

    /// <inheritdoc/>
    public PeerStream Stream { get; }

    /// <inheritdoc/>
    public PeerId PeerId => Connection.RemotePeerId;

    /// <inheritdoc/>
    public string? Name => Connection.RemoteName;

    /// <inheritdoc/>
    public override IDuplexPipe Transport { get; set; }

    /// <summary>The connection's number in its node and the stream's in its connection.</summary>
    public override string ConnectionId { get; set; }

    /// <inheritdoc/>
    public override IFeatureCollection Features { get; } = new FeatureCollection();

    /// <inheritdoc/>
    public override IDictionary<object, object?> Items { get => field ??= new ConnectionItems(); set; }

    /// <summary>Is cancelled when nobody waits for the answer any more: the peer gave the stream up, or the connection to it is over.</summary>
    public override CancellationToken ConnectionClosed { get; set; }

    /// <summary>This node, as a <see cref="PeerEndPoint"/>.</summary>
    public override EndPoint? LocalEndPoint { get; set; }

    /// <summary>The peer, as a <see cref="PeerEndPoint"/>.</summary>
    public override EndPoint? RemoteEndPoint { get; set; }

    /// <inheritdoc/>
    public override void Abort(ConnectionAbortedException abortReason) => Abort();

    /// <inheritdoc/>
    public override void Abort() => Stream.Abort(Aborted);

    /// <summary>Ends both directions in order, as far as they have not ended.</summary>
    public override async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) await EndAsync().ConfigureAwait(false);
        await base.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>In the words of ASP.NET Core, which treats a connection that was reset as an everyday matter.</summary>
    private static Exception Translate(PeerException exception) => exception.Error == PeerError.Closed
        ? new ConnectionAbortedException(exception.Message, exception)
        : new ConnectionResetException(exception.Message, exception);

    private async Task EndAsync()
    {
        try
        {
            await Transport.Output.CompleteAsync().ConfigureAwait(false);
            await Transport.Input.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException or InvalidOperationException)
        {
            // What could not be written has nobody to read it.
        }

        await Stream.DisposeAsync().ConfigureAwait(false);
    }

    private async Task WatchAsync()
    {
        await Task.WhenAny(Stream.Broken, Stream.Over).ConfigureAwait(false);
        await _closed.CancelAsync().ConfigureAwait(false);
    }
}
