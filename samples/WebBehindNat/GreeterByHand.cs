namespace WebBehindNat;

/// <summary>One unary method of gRPC without its packages: a POST over HTTP/2, a message each way, and the status in the trailers.</summary>
internal static class GreeterByHand
{
    private const int MaxRequest = 1_024;
    private const int StatusOk = 0;
    private const int StatusInvalidArgument = 3;

    public static async Task SayHelloAsync(HttpContext context)
    {
        context.Response.ContentType = "application/grpc";
        context.Response.DeclareTrailer("grpc-status");
        byte[] request = new byte[MaxRequest];
        int length = await context.Request.Body.ReadAtLeastAsync(request, request.Length, throwOnEndOfStream: false, context.RequestAborted);
        if (GrpcFrame.Read(request.AsSpan(0, length)) is { Length: < 100 } name)
        {
            await context.Response.Body.WriteAsync(GrpcFrame.Write($"Hello {name}"), context.RequestAborted);
            context.Response.AppendTrailer("grpc-status", $"{StatusOk}");
        }
        else
        {
            context.Response.AppendTrailer("grpc-status", $"{StatusInvalidArgument}");
        }
    }
}
