using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Porthole;
using Porthole.AspNetCore;
using Porthole.Hosting;

namespace Microsoft.AspNetCore.Hosting;

/// <summary>Makes an ASP.NET Core application reachable by a peer's name.</summary>
public static class PortholeWebHostExtensions
{
    /// <summary>
    /// Has Kestrel listen at the peer of <c>services.AddPorthole(…)</c>, in place of the addresses of the configuration: no port is opened. HTTP/1.1, HTTP/2 and WebSockets. For a port beside it, call
    /// <see cref="KestrelServerOptions.ListenLocalhost(int)"/> or one of its kind.
    /// </summary>
    /// <param name="builder">The web host.</param>
    /// <param name="configure">Changes how it is listened, as for any end point; called once for HTTP/1.1 and once for HTTP/2.</param>
    public static IWebHostBuilder UsePorthole(this IWebHostBuilder builder, Action<ListenOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigureServices(services =>
        {
            AddTransport(services);
            services.AddOptions<KestrelServerOptions>().Configure<IPorthole>((options, porthole) => options.ListenPorthole(porthole, configure));
        });
    }

    /// <summary>Has Kestrel listen at a peer that the program has started itself, and ends itself after the host.</summary>
    /// <param name="builder">The web host.</param>
    /// <param name="node">The peer.</param>
    /// <param name="configure">Changes how it is listened, as for any end point; called once for HTTP/1.1 and once for HTTP/2.</param>
    public static IWebHostBuilder UsePorthole(this IWebHostBuilder builder, PeerNode node, Action<ListenOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(node);
        return builder.ConfigureServices(services =>
        {
            AddTransport(services);
            var porthole = new FixedNode(node);
            services.Configure<KestrelServerOptions>(options => options.ListenPorthole(porthole, configure));
        });
    }

    /// <summary>Kestrel takes HTTP/2 without TLS only where there is nothing else: so two end points, and the transport sends each stream to the one that it begins like.</summary>
    private static void ListenPorthole(this KestrelServerOptions options, IPorthole porthole, Action<ListenOptions>? configure)
    {
        foreach (var protocols in (HttpProtocols[])[HttpProtocols.Http1, HttpProtocols.Http2])
        {
            options.Listen(new PortholeEndPoint(porthole, protocols), listen =>
            {
                configure?.Invoke(listen);
                listen.Protocols = protocols;
            });
        }
    }

    private static void AddTransport(IServiceCollection services) => services.TryAddEnumerable(ServiceDescriptor.Singleton<IConnectionListenerFactory, PortholeTransportFactory>());
}
