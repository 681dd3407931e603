// A program behind one NAT talks to a program behind another, directly and encrypted. The server is `porthole server` on any public host.
//   Echo SERVER NAME         waits for calls, and gives back what it is sent
//   Echo SERVER NAME PEER    sends what is typed to a peer that waits, and shows what comes back
using Porthole;
using Porthole.Protocol.Rendezvous;

await using var node = await PeerNode.StartAsync(new PeerOptions { Server = ServerAddress.Parse(args[0]), Name = args[1], IdentityPath = $"{args[1]}.key", Accept = AcceptPolicy.Anyone });
Console.WriteLine($"{node.Name} is online");
while (args.Length == 2) _ = EchoAsync(await node.AcceptAsync());
await using var connection = await node.ConnectAsync(args[2]);
connection.PathChanged += (_, path) => Console.WriteLine($"the path is {path.Kind} now");
if (connection.Path.IsDirect) Console.WriteLine($"the path is {connection.Path.Kind} now"); // it was faster
await using var stream = await connection.OpenStreamAsync();
var answers = stream.CopyToAsync(Console.OpenStandardOutput());
await Console.OpenStandardInput().CopyToAsync(stream);
stream.CompleteWrites();
await answers;

static async Task EchoAsync(PeerConnection connection)
{
    await using var stream = await connection.AcceptStreamAsync();
    await stream.CopyToAsync(stream);
    stream.CompleteWrites();
}
