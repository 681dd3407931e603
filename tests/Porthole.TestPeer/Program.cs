using System.Globalization;
using System.Net;
using Porthole;
using Porthole.Protocol;
using Porthole.TestPeer;

// One peer for the network tests: registers, takes every connection, and does what standard input says, a line of JSON each.
//   porthole-test-peer SERVER NAME [None|Udp|Tcp|All]
// Or one side of a bare TCP punch:
//   porthole-test-peer punch STUN-SERVER PORT
if (args is ["punch", var stunServer, var port])
{
    await PunchPeer.RunAsync(IPEndPoint.Parse(stunServer), int.Parse(port, CultureInfo.InvariantCulture));
    return 0;
}
if (args is not [var server, var name, .. var transports])
{
    await Console.Error.WriteLineAsync("usage: Porthole.TestPeer SERVER NAME [None|Udp|Tcp|All]");
    return 2;
}
try
{
    await using var peer = await TestPeer.StartAsync(ServerAddress.Parse(server), name, transports is [var chosen] ? Enum.Parse<Transports>(chosen) : Transports.All);
    await peer.RunAsync(Console.In);
    return 0;
}
catch (PeerException e)
{
    Report.Write(new { @event = "failed", error = e.Error.ToString(), text = e.Message });
    return 1;
}
