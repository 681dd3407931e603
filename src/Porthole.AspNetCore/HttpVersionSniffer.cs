using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Porthole.AspNetCore;

/// <summary>Tells HTTP/2 by its preface (RFC 9113 section 3.4), which was chosen so that no request of HTTP/1.1 begins like it.</summary>
internal static class HttpVersionSniffer
{
    private static ReadOnlySpan<byte> Preface => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8;

    /// <summary>Waits for as much as it takes, and consumes nothing of it.</summary>
    /// <returns>The version; <see cref="HttpProtocols.None"/> when the stream ended before a byte came.</returns>
    public static async ValueTask<HttpProtocols> SniffAsync(PipeReader input, CancellationToken cancellationToken)
    {
        while (true)
        {
            var result = await input.ReadAsync(cancellationToken).ConfigureAwait(false);
            var (version, bytes) = (Judge(result.Buffer), result.Buffer);
            if (version is null && result.IsCompleted) version = bytes.IsEmpty ? HttpProtocols.None : HttpProtocols.Http1; // which says that it is cut off
            input.AdvanceTo(bytes.Start, version is null ? bytes.End : bytes.Start);
            if (version is { } known) return known;
        }
    }

    /// <summary>The version, or null while it can still be either.</summary>
    internal static HttpProtocols? Judge(in ReadOnlySequence<byte> bytes)
    {
        Span<byte> start = stackalloc byte[(int)Math.Min(bytes.Length, Preface.Length)];
        bytes.Slice(0, start.Length).CopyTo(start);
        if (!Preface.StartsWith(start)) return HttpProtocols.Http1;
        return start.Length == Preface.Length ? HttpProtocols.Http2 : null;
    }
}
