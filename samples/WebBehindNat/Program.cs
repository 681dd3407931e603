// An ASP.NET Core application at home: no open port, no domain, no certificate. Peers reach it by its name.
//   WebBehindNat --Porthole:Server=http://203.0.113.7:8848 --Porthole:Name=bob
using WebBehindNat;

var builder = WebApplication.CreateBuilder(args);
builder.Services.AddPorthole(builder.Configuration.GetSection("Porthole"));
builder.Services.AddHealthChecks().AddPorthole();
builder.Services.AddAuthentication().AddPorthole();
builder.Services.AddAuthorization();
builder.WebHost.UsePorthole();

var app = builder.Build();
app.UseWebSockets();
app.UseAuthentication();
app.UseAuthorization();

// Who calls is known by its key. Over an ordinary port there would be no peer.
app.MapGet("/", (HttpContext context) => context.GetPeer() is { } peer ? $"Hello {peer.Name ?? peer.PeerId.Short}, over {peer.Connection.Path.Kind}." : "Hello.");
app.MapGet("/number/{number:int}", (int number, HttpContext context) => $"{number} {context.GetPeer()?.Connection.Path.Kind}");
app.MapGet("/me", (HttpContext context) => context.User.Identity?.Name).RequireAuthorization();
app.MapHealthChecks("/health");

// A WebSocket that sends back what it gets.
app.Map("/echo", async (HttpContext context) =>
{
    if (!context.WebSockets.IsWebSocketRequest) return Results.BadRequest("This is for WebSockets.");
    using var socket = await context.WebSockets.AcceptWebSocketAsync();
    await Echo.RunAsync(socket, context.RequestAborted);
    return Results.Empty;
});

// A gRPC method, as any gRPC client calls it over HTTP/2. With the package Grpc.AspNetCore it is AddGrpc() and MapGrpcService<Greeter>(): see the README beside this file.
app.MapPost("/greet.Greeter/SayHello", GreeterByHand.SayHelloAsync);

app.Run();
