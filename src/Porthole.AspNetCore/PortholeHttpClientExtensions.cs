using Porthole.Hosting;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Lets clients of the factory reach peers.</summary>
public static class PortholeHttpClientExtensions
{
    /// <summary>Sends the requests of a client over the peer of <c>services.AddPorthole(…)</c>: <c>http://bob.porthole/</c>.</summary>
    /// <param name="builder">The client.</param>
    public static IHttpClientBuilder UsePorthole(this IHttpClientBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigurePrimaryHttpMessageHandler(static services => services.GetRequiredService<IPorthole>().CreateHttpHandler());
    }
}
