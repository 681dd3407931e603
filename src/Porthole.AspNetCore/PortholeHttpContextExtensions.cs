using Porthole.AspNetCore;

namespace Microsoft.AspNetCore.Http;

/// <summary>Tells an application who calls.</summary>
public static class PortholeHttpContextExtensions
{
    /// <summary>Who calls; null for a request that came over an ordinary port.</summary>
    public static IPortholeConnectionFeature? GetPeer(this HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return context.Features.Get<IPortholeConnectionFeature>();
    }
}
