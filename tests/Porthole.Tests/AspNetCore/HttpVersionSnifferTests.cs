using System.Buffers;
using System.IO.Pipelines;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Porthole.AspNetCore;

namespace Porthole.Tests.AspNetCore;

public sealed class HttpVersionSnifferTests
{
    private const string Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(Preface, HttpProtocols.Http2)]
    [InlineData(Preface + "more", HttpProtocols.Http2)]
    [InlineData("GET / HTTP/1.1\r\n", HttpProtocols.Http1)]
    [InlineData("PUT / HTTP/1.1\r\n", HttpProtocols.Http1)]
    [InlineData("PRI * HTTP/2.1\r\n", HttpProtocols.Http1)]
    [InlineData("PRI", HttpProtocols.Http1)] // and then the end
    [InlineData("", HttpProtocols.None)]
    [InlineData("\0", HttpProtocols.Http1)]
    public async Task Each_version_is_told_whatever_the_pieces_and_nothing_is_consumed(string text, HttpProtocols expected)
    {
        foreach (int size in (int[])[1, 2, 7, 1_000])
        {
            var pipe = new Pipe();
            var sniffing = HttpVersionSniffer.SniffAsync(pipe.Reader, Token).AsTask();
            for (int i = 0; i < text.Length; i += size)
            {
                await pipe.Writer.WriteAsync(System.Text.Encoding.ASCII.GetBytes(text[i..Math.Min(text.Length, i + size)]), Token);
            }

            await pipe.Writer.CompleteAsync();
            Assert.Equal(expected, await sniffing);
            if (text.Length == 0) continue;
            var rest = await pipe.Reader.ReadAtLeastAsync(text.Length, Token);
            Assert.Equal(text, System.Text.Encoding.ASCII.GetString(rest.Buffer.ToArray()));
        }
    }

    [Fact]
    public void A_request_is_not_waited_for_longer_than_it_takes()
    {
        Assert.Equal(HttpProtocols.Http1, HttpVersionSniffer.Judge(new ReadOnlySequence<byte>("G"u8.ToArray())));
        for (int i = 0; i < Preface.Length; i++)
        {
            byte[] bytes = System.Text.Encoding.ASCII.GetBytes(Preface[..(i + 1)]);
            Assert.Equal(i + 1 == Preface.Length ? HttpProtocols.Http2 : null, HttpVersionSniffer.Judge(new ReadOnlySequence<byte>(bytes)));
            bytes[i] ^= 0x20;
            Assert.Equal(HttpProtocols.Http1, HttpVersionSniffer.Judge(new ReadOnlySequence<byte>(bytes)));
        }
    }
}
