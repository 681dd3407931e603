using System.Net;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Porthole.Hosting;

namespace Porthole.AspNetCore;

/// <summary>Lets Kestrel listen at peers. Other end points are left to the other transports.</summary>
internal sealed class PortholeTransportFactory(ILoggerFactory loggerFactory) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly ConditionalWeakTable<IPorthole, HttpStreamAcceptor> _acceptors = [];
    private readonly ILogger _logger = loggerFactory.CreateLogger("Porthole.AspNetCore");

    public bool CanBind(EndPoint endpoint) => endpoint is PortholeEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        if (endpoint is not PortholeEndPoint end) throw new NotSupportedException($"{endpoint} is not at a peer.");
        return ValueTask.FromResult<IConnectionListener>(_acceptors.GetValue(end.Porthole, porthole => new HttpStreamAcceptor(porthole, _logger)).Bind(end));
    }
}
