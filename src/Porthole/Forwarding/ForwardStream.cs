using Porthole.Protocol.Applications;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Forwarding;

/// <summary>A stream to a shared port, as its opener has it: the request goes out with the first bytes, the answer is read before the others.</summary>
internal static class ForwardStream
{
    /// <summary>Opens a stream and asks for a target on it.</summary>
    /// <exception cref="PeerException">The connection is over.</exception>
    public static async Task<PeerStream> OpenAsync(PeerConnection connection, ForwardRequest request, CancellationToken cancellationToken)
    {
        var stream = await connection.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
        await stream.WriteAsync((byte[])[.. StreamPreamble.Write(StreamPreamble.Forwarding), .. request.Write()], CancellationToken.None).ConfigureAwait(false); // a new stream has room for it; giving up in between would leave it open for ever
        return stream;
    }

    /// <summary>Reads the sharer's answer.</summary>
    /// <exception cref="PeerException">There is none: the peer runs something else, says nothing, or the connection is over.</exception>
    public static async Task<ForwardAnswer> ReadAnswerAsync(PeerConnection connection, PeerStream stream, ForwardTarget target, PortForwarderOptions options, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(options.AnswerTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellationToken);
        try
        {
            return await ReadAnswerAsync(connection, stream, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PeerException(PeerError.TimedOut, $"{connection.RemoteLabel} did not say within {options.AnswerTimeout.TotalSeconds:0.###} s whether {target} can be reached.");
        }
    }

    /// <summary>Reads the sharer's answer, however long it takes.</summary>
    /// <exception cref="PeerException">There is none: the peer runs something else, or the connection is over.</exception>
    public static async Task<ForwardAnswer> ReadAnswerAsync(PeerConnection connection, PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] bytes = new byte[ForwardAnswer.MaxSize];
        var head = bytes.AsMemory(0, ForwardAnswer.HeadSize);
        try
        {
            int read = await stream.ReadAtLeastAsync(head, head.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            int length = ForwardAnswer.LengthFrom(head.Span);
            if (read == head.Length && length > 0)
            {
                var reason = bytes.AsMemory(head.Length, length - head.Length);
                read += await stream.ReadAtLeastAsync(reason, reason.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
                if (read == length && ForwardAnswer.Read(bytes.AsSpan(0, length)) is { } answer) return answer;
            }
        }
        catch (PeerException exception) when (exception.Error == PeerError.StreamAborted && exception.Code != ForwardingCodes.Reset)
        {
            // What runs there gives up streams that it does not know.
        }

        stream.Abort(ForwardingCodes.NotForwarding);
        throw new PeerException(PeerError.ProtocolViolation, $"{connection.RemoteLabel} shares no ports: something else runs there. Run 'porthole share PORT' at the other end.");
    }
}
