// Two people behind NATs talk over a UDP socket that this program punched: the least that it takes to embed the puncher.
//   UdpPunch STUN-SERVER[:PORT] [LOCAL-PORT]
// Both start it, tell each other the address that it prints, and type. Nothing is encrypted. "exit" ends both.
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Porthole.Punching;

const int UsualStunPort = 3478;

if (args is not [var serverText, ..])
{
    await Console.Error.WriteLineAsync("usage: UdpPunch STUN-SERVER[:PORT] [LOCAL-PORT]");
    return 2;
}

try
{
    // 1. A socket, and what the world sees of it.
    using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
    socket.Bind(new IPEndPoint(IPAddress.Any, args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 0));
    var mapped = await HolePuncher.GetMappedAddressAsync(socket, await ResolveAsync(serverText));

    // 2. The two addresses cross over by any way there is: a phone, a chat, a server of your own.
    Console.WriteLine($"Your address, tell the other side: {mapped}");
    Console.Write("The other side's address: ");
    if (!IPEndPoint.TryParse(Console.ReadLine()?.Trim() ?? "", out var other))
    {
        await Console.Error.WriteLineAsync("That is no address: it looks like 203.0.113.7:40000.");
        return 2;
    }

    // 3. Both punch. People start this program seconds apart, so it keeps on trying for a minute.
    var options = new UdpHoleOptions { Tries = 120, Interval = TimeSpan.FromMilliseconds(500) };
    await HolePuncher.PunchUdpAsync(socket, other, options, new Steps());

    // 4. The socket is connected. Talk.
    Console.WriteLine("Type lines; 'exit' ends both.");
    using var over = new CancellationTokenSource();
    await Task.WhenAny(ReadAsync(socket, over.Token), TypeAsync(socket), KeepAliveAsync(socket, over.Token));
    await over.CancelAsync();
    return 0;
}
catch (Exception exception) when (exception is PunchException or SocketException or FormatException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}

static async Task ReadAsync(Socket socket, CancellationToken cancellationToken)
{
    byte[] buffer = new byte[2_048];
    while (true)
    {
        int length = await socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken);
        if (length == 0 || HolePuncher.IsPunch(buffer.AsSpan(0, length))) continue; // a keepalive, or a late packet of the punch
        string line = Encoding.UTF8.GetString(buffer, 0, length);
        if (line == "exit") return;
        Console.WriteLine($"> {line}");
    }
}

static Task TypeAsync(Socket socket) => Task.Run(async () =>
{
    while (true)
    {
        string line = Console.ReadLine() ?? "exit";
        await socket.SendAsync(Encoding.UTF8.GetBytes(line));
        if (line == "exit") return;
    }
});

static async Task KeepAliveAsync(Socket socket, CancellationToken cancellationToken)
{
    // A NAT forgets a silent mapping, some after 30 seconds.
    using var timer = new PeriodicTimer(TimeSpan.FromSeconds(15));
    while (await timer.WaitForNextTickAsync(cancellationToken)) await socket.SendAsync(ReadOnlyMemory<byte>.Empty, cancellationToken);
}

static async Task<IPEndPoint> ResolveAsync(string text)
{
    string[] parts = text.Split(':', 2);
    var addresses = await Dns.GetHostAddressesAsync(parts[0], AddressFamily.InterNetwork);
    return new IPEndPoint(addresses[0], parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : UsualStunPort);
}

/// <summary>Shows each step as it is taken.</summary>
internal sealed class Steps : IProgress<PunchProgress>
{
    public void Report(PunchProgress value) => Console.WriteLine(value);
}
