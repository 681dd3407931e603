using Microsoft.Extensions.Logging;
using Porthole.Protocol;
using Porthole.Protocol.Discovery;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole;

/// <summary>Finds out how the NATs in front of this host treat UDP, with any STUN servers: RFC 5780's, or such as only tell the mapped address.</summary>
public static class NatCheck
{
    /// <summary>How long a check lasts at most, unless said otherwise: by then a silent server was asked often enough.</summary>
    public static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(5);

    /// <summary>Runs one check.</summary>
    /// <param name="servers">
    /// The servers' addresses, the main one first. Several ports of one address, or several addresses, tell how the NAT maps; where there is but one, a server after
    /// RFC 5780 names its others, and they are asked too.
    /// </param>
    /// <param name="localPort">The UDP port to ask from; 0 leaves the choice to the system.</param>
    /// <param name="patience">How long to wait for what is not answered; null is <see cref="DefaultPatience"/>.</param>
    /// <param name="observer">Told of each report as it comes, the last one included; null for nobody. It must not wait.</param>
    /// <param name="logger">Where a failing machine is reported; null for nowhere.</param>
    /// <param name="network">Where sockets come from; null for this host's.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    /// <returns>What was found out; not complete where the patience ended before, and <see cref="NatReport.Unknown"/> where nothing was answered.</returns>
    /// <exception cref="ArgumentException">There is no server.</exception>
    public static async Task<NatReport> RunAsync(
        IReadOnlyList<TransportAddress> servers,
        ushort localPort = 0,
        TimeSpan? patience = null,
        Action<NatReport>? observer = null,
        ILogger? logger = null,
        INetwork? network = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(servers);
        if (servers.Count == 0) throw new ArgumentException("There is no server to ask.", nameof(servers));
        var complete = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var newest = NatReport.Unknown;
        var host = new MachineHost<NatCheckMachine>(
            new NatCheckMachine([.. servers], localPort, OperatingSystemEntropy.Instance, NatProbeOptions.Default),
            network ?? new RealNetwork(),
            new InstantClock(TimeProvider.System),
            (machine, _) =>
            {
                while (machine.TryTakeEvent(out var probeEvent))
                {
                    if (probeEvent is not NatProbeEvent.Reported reported) continue;
                    newest = reported.Report;
                    observer?.Invoke(newest);
                }

                if (machine.IsComplete) complete.TrySetResult();
            },
            logger);
        await using (host.ConfigureAwait(false))
        {
            using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            late.CancelAfter(patience ?? DefaultPatience);
            await ((Task)Task.WhenAny(complete.Task, host.Completion)).WaitAsync(late.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        cancellationToken.ThrowIfCancellationRequested();
        return newest;
    }
}
