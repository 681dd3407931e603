// Players tell each other where they are, 60 times a second, in datagrams: what is lost is not sent again, and what comes late is not shown.
//   Multiplayer SERVER NAME SECONDS [PLAYER...]
// Everybody names those who are there already: alice none, bob alice, carol alice and bob. Each line says where a player is, and how well that is known.
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Porthole;
using Porthole.Protocol.Rendezvous;

const int Rate = 60;

if (args is not [var server, var name, var secondsText, .. var others] || !int.TryParse(secondsText, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds))
{
    await Console.Error.WriteLineAsync("usage: Multiplayer SERVER NAME SECONDS [PLAYER...]");
    return 2;
}

var players = new ConcurrentDictionary<PeerConnection, Player>();
using var over = new CancellationTokenSource();
try
{
    await using var node = await PeerNode.StartAsync(new PeerOptions
    {
        Server = ServerAddress.Parse(server),
        Name = name,
        IdentityPath = $"{name}.key",
        Accept = AcceptPolicy.Anyone,
    });
    Console.WriteLine($"{name} is online");
    var accepting = AcceptAsync(node);
    foreach (string other in others) Join(await node.ConnectAsync(other));
    await PlayAsync();
    foreach (var player in players.Values) Console.WriteLine($"at the end {player.Report(TimeSpan.FromSeconds(1))}");
    await over.CancelAsync();
    await accepting;
    return 0;
}
catch (Exception exception) when (exception is PeerException or FormatException or ArgumentException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}

async Task AcceptAsync(PeerNode node)
{
    try
    {
        while (true) Join(await node.AcceptAsync(over.Token));
    }
    catch (Exception exception) when (exception is OperationCanceledException or PeerException)
    {
        // The game is over.
    }
}

void Join(PeerConnection connection)
{
    var player = players[connection] = new Player(connection);
    Console.WriteLine($"{player.Name} plays");
    _ = ReceiveAsync(player);
}

async Task ReceiveAsync(Player player)
{
    try
    {
        while (true)
        {
            var datagram = await player.Connection.ReceiveDatagramAsync(over.Token);
            if (Position.TryRead(datagram.Span, out var position)) player.Take(position, Microseconds());
        }
    }
    catch (Exception exception) when (exception is OperationCanceledException or PeerException)
    {
        if (players.TryRemove(player.Connection, out _) && !over.IsCancellationRequested) Console.WriteLine($"{player.Report(TimeSpan.FromSeconds(1))}, and has left");
    }
}

// A timer that is late by a tick or two catches up, so the rate holds.
async Task PlayAsync()
{
    byte[] datagram = new byte[Position.Size];
    using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / Rate));
    long began = Stopwatch.GetTimestamp();
    for (uint sequence = 0; sequence < seconds * Rate;)
    {
        await timer.WaitForNextTickAsync();
        uint due = (uint)Math.Min(seconds * Rate, Stopwatch.GetElapsedTime(began).TotalSeconds * Rate);
        for (; sequence < due; sequence++)
        {
            double angle = sequence * Math.Tau / (4 * Rate); // once around in four seconds
            new Position(sequence, Microseconds(), (float)(100 * Math.Cos(angle)), (float)(100 * Math.Sin(angle))).Write(datagram);
            foreach (var player in players.Values) Send(player, datagram);
            if (sequence % Rate == Rate - 1) foreach (var player in players.Values) Console.WriteLine(player.Report(TimeSpan.FromSeconds(1)));
        }
    }
}

static void Send(Player player, byte[] datagram)
{
    try
    {
        player.Connection.SendDatagram(datagram);
    }
    catch (PeerException)
    {
        // The player has just left; whoever receives from it says so.
    }
}

static uint Microseconds() => (uint)(Stopwatch.GetTimestamp() / (Stopwatch.Frequency / 1_000_000));
