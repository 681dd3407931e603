using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>
/// One HTTP request to a device of the local network, which may be badly made or hostile: a connection of its own from the address that was asked for, no proxy,
/// no redirect, and limits on time and length.
/// </summary>
internal sealed class HttpAskSocket : INetworkSocket
{
    /// <summary>How long a request that nobody waits for may still take: it gives something back at the end of a program, which should not hang.</summary>
    private static readonly TimeSpan s_farewell = TimeSpan.FromSeconds(1);

    /// <summary>The longest head of an answer, in kilobytes.</summary>
    private const int MaxHeadKilobytes = 8;

    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _closed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TimeSpan _farewell;
    private int _isClosing;

    private HttpAskSocket(SocketId id, TimeSpan farewell) => (Id, _farewell) = (id, farewell);

    public SocketId Id { get; }

    public Task Closed => _closed.Task;

    /// <summary>Starts to ask.</summary>
    /// <param name="request">What.</param>
    /// <param name="inbox">Where the answer goes.</param>
    /// <param name="farewell">How long it may still take when nobody waits for it; null for the usual second.</param>
    public static HttpAskSocket Open(SocketRequest.HttpAsk request, ISocketInbox inbox, TimeSpan? farewell = null)
    {
        var socket = new HttpAskSocket(request.Socket, farewell ?? s_farewell);
        _ = socket.RunAsync(request, inbox);
        return socket;
    }

    public void Send(TransportAddress remote, ReadOnlySpan<byte> bytes, int segmentSize, int hopLimit = 0)
    {
    }

    public void Close(bool abortive)
    {
        if (Interlocked.Exchange(ref _isClosing, 1) != 0 || _closed.Task.IsCompleted) return;
        _ending.CancelAfter(abortive ? TimeSpan.Zero : _farewell);
    }

    private async Task RunAsync(SocketRequest.HttpAsk request, ISocketInbox inbox)
    {
        await Task.Yield();
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(_ending.Token);
        timeout.CancelAfter(request.Timeout);
        SocketEvent outcome;
        try
        {
            outcome = await AskAsync(request, timeout.Token).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is HttpRequestException or SocketException or IOException or OperationCanceledException
            or InvalidOperationException or FormatException or NotSupportedException)
        {
            outcome = timeout.IsCancellationRequested ? Late(request) : Explain(request, exception);
        }

        if (Volatile.Read(ref _isClosing) == 0) inbox.Deliver(outcome);
        _closed.SetResult();
    }

    private static async Task<SocketEvent> AskAsync(SocketRequest.HttpAsk request, CancellationToken cancellationToken)
    {
        using var handler = new SocketsHttpHandler
        {
            UseProxy = false,
            AllowAutoRedirect = false,
            UseCookies = false,
            MaxResponseHeadersLength = MaxHeadKilobytes,
            ConnectCallback = (context, token) => ConnectAsync(request.Local, request.Target, token),
        };
        using var client = new HttpMessageInvoker(handler, disposeHandler: false);
        using var message = new HttpRequestMessage(request.Action is null ? HttpMethod.Get : HttpMethod.Post, request.Target);
        message.Headers.ConnectionClose = true;
        if (request.Action is not null)
        {
            message.Headers.TryAddWithoutValidation("SOAPAction", $"\"{request.Action}\"");
            message.Content = new ByteArrayContent(Encoding.UTF8.GetBytes(request.Body));
            message.Content.Headers.ContentType = new MediaTypeHeaderValue("text/xml") { CharSet = "\"utf-8\"" };
        }

        using var answer = await client.SendAsync(message, cancellationToken).ConfigureAwait(false);
        byte[] buffer = new byte[request.MaxAnswer + 1];
        int length = 0;
        var body = await answer.Content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (body.ConfigureAwait(false))
        {
            length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        }

        return length > request.MaxAnswer
            ? new SocketEvent.Failed(request.Socket, SocketFailure.Protocol, $"its web server's answer is longer than {(request.MaxAnswer / 1024).ToString(CultureInfo.InvariantCulture)} kB")
            : new SocketEvent.HttpAnswered(request.Socket, (int)answer.StatusCode, buffer.AsMemory(0, length));
    }

    private static async ValueTask<Stream> ConnectAsync(TransportAddress local, Uri target, CancellationToken cancellationToken)
    {
        var socket = new Socket(local.Family, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.NoDelay = true;
            socket.Bind(local.WithPort(0).ToEndPoint());
            await socket.ConnectAsync(System.Net.IPAddress.Parse(target.Host), target.Port, cancellationToken).ConfigureAwait(false);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static SocketEvent.Failed Explain(SocketRequest.HttpAsk request, Exception exception)
    {
        for (Exception? inner = exception; inner is not null; inner = inner.InnerException)
        {
            if (inner is SocketException socket)
                return new SocketEvent.Failed(request.Socket, SocketFailures.Classify(socket.SocketErrorCode), $"its web server: {SocketFailures.Describe(socket)}");
        }

        return new SocketEvent.Failed(request.Socket, SocketFailure.Protocol, "its web server's answer is no HTTP");
    }

    private static SocketEvent.Failed Late(SocketRequest.HttpAsk request) =>
        new(request.Socket, SocketFailure.TimedOut, string.Create(CultureInfo.InvariantCulture, $"its web server does not answer within {request.Timeout.TotalSeconds:0.#} s"));
}
