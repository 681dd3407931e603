using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>Makes main connections, in the time that TCP and the upgrade to a WebSocket take: one round trip each.</summary>
internal static class ServerConnector
{
    /// <summary>How long a client waits for an answer: as long as the real driver.</summary>
    private static readonly TimeSpan s_timeout = TimeSpan.FromSeconds(10);

    public static void Connect(Simulation simulation, ConnectionEnd client, Uri server)
    {
        if (!simulation.TryResolve(server.Host, out var address))
        {
            Fail(simulation, client, TimeSpan.Zero, SocketFailure.NameNotFound, $"{server.Host} is not known");
            return;
        }

        var remote = TransportAddress.From(address, (ushort)server.Port);
        if (!MainConnectionPath.TryFind(client.Machine.Host, remote.Host, out var host, out var there, out var back, out var seenAs) || !there.IsUp)
        {
            Fail(simulation, client, s_timeout, SocketFailure.TimedOut, $"no answer from {remote}");
            return;
        }

        if (seenAs.SameHost(client.Local)) seenAs = client.Local;
        else if (!seenAs.IsUnspecified) seenAs = seenAs.WithPort(host.FreePort(seenAs));
        var roundTrip = there.Delay + back.Delay;
        if (simulation.FindListener(host, remote.Port) is null)
        {
            Fail(simulation, client, roundTrip, SocketFailure.Refused, $"{remote} refuses connections");
            return;
        }

        // The server knows of the connection when the request for the upgrade has arrived, half a round trip before the client hears of it.
        simulation.Schedule(simulation.Now + roundTrip + there.Delay, () =>
        {
            if (!client.IsOpen) return;
            if (simulation.FindListener(host, remote.Port) is not { } listener)
            {
                Fail(simulation, client, back.Delay, SocketFailure.Refused, $"{remote} refuses connections");
                return;
            }

            var accepted = listener.Machine.Accept(listener, remote, seenAs, client, back);
            client.Join(accepted, there);
            simulation.Schedule(simulation.Now + back.Delay, () =>
            {
                if (client.IsOpen) client.Machine.HandleOpened(client, remote);
            });
        });
    }

    private static void Fail(Simulation simulation, ConnectionEnd client, TimeSpan after, SocketFailure reason, string detail) =>
        simulation.Schedule(simulation.Now + after, () =>
        {
            if (client.IsOpen) client.Machine.Lose(client, reason, detail);
        });
}
