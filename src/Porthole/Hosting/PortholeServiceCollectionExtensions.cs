using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Porthole.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Gives a program on the generic host a peer.</summary>
public static class PortholeServiceCollectionExtensions
{
    /// <summary>
    /// Adds a peer that lives as long as the host; services take <see cref="IPorthole"/>. May be called more than once; the settings of later calls come on top of those of earlier ones. Settings are checked when the host starts.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets the settings; null where something else does.</param>
    public static IServiceCollection AddPorthole(this IServiceCollection services, Action<PortholeOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IValidateOptions<PortholeOptions>, PortholeOptionsValidator>());
        services.TryAddSingleton(static provider => new PortholeService(
            provider.GetRequiredService<IOptions<PortholeOptions>>(), provider.GetService<ILoggerFactory>() ?? NullLoggerFactory.Instance, provider.GetRequiredService<TimeProvider>()));
        services.TryAddSingleton<IPorthole>(static provider => provider.GetRequiredService<PortholeService>());
        services.TryAddEnumerable(ServiceDescriptor.Singleton<IHostedService, PortholeService>(static provider => provider.GetRequiredService<PortholeService>()));
        var options = services.AddOptions<PortholeOptions>().ValidateOnStart();
        if (configure is not null) options.Configure(configure);
        return services;
    }

    /// <summary>Adds a peer with the settings of a section of the configuration, <c>builder.Configuration.GetSection("Porthole")</c> by custom.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configuration">The section: its keys are the properties of <see cref="PortholeOptions"/>. A key that is none is an error.</param>
    public static IServiceCollection AddPorthole(this IServiceCollection services, IConfiguration configuration)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        return services.AddPorthole(options => PortholeOptionsReader.Read(configuration, options));
    }

    /// <summary>
    /// Adds the health of the peer: healthy while it is registered; degraded while its server is lost and connections on direct paths go on; otherwise unhealthy.
    /// </summary>
    /// <param name="builder">The health checks.</param>
    /// <param name="name">The check's name.</param>
    /// <param name="failureStatus">What to report in place of unhealthy; null for that.</param>
    /// <param name="tags">The check's tags.</param>
    public static IHealthChecksBuilder AddPorthole(this IHealthChecksBuilder builder, string name = "porthole", HealthStatus? failureStatus = null, IEnumerable<string>? tags = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.Add(new HealthCheckRegistration(name, static provider => new PortholeHealthCheck(provider.GetRequiredService<IPorthole>()), failureStatus, tags));
    }
}
