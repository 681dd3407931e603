using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Porthole.Hosting;

/// <summary>Healthy: registered. Degraded: the server is lost, connections on direct paths go on. Otherwise what the registration says, which is unhealthy unless it says something else.</summary>
internal sealed class PortholeHealthCheck(IPorthole porthole) : IHealthCheck
{
    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        var status = porthole.Status;
        var (all, direct) = (0, 0);
        if (porthole.Node is { } node)
        {
            try
            {
                (all, direct) = await node.CountConnectionsAsync().WaitAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (PeerException)
            {
                status = porthole.Status; // it has ended meanwhile
            }
        }

        var data = new Dictionary<string, object> { ["status"] = status.Kind.ToString(), ["connections"] = all, ["direct"] = direct };
        return status.Kind switch
        {
            PortholeStatusKind.Registered => HealthCheckResult.Healthy(status.Text, data),
            PortholeStatusKind.ServerLost when direct > 0 => HealthCheckResult.Degraded(status.Text, null, data),
            _ => new HealthCheckResult(context.Registration.FailureStatus, status.Text, null, data),
        };
    }
}
