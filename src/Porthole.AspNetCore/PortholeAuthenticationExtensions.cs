using Microsoft.AspNetCore.Authentication;
using Porthole.AspNetCore;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Authentication by the keys of peers: no password, no token.</summary>
public static class PortholeAuthenticationExtensions
{
    /// <summary>The name of the scheme.</summary>
    public const string PortholeScheme = "Porthole";

    /// <summary>
    /// Makes the peer that calls the user: <see cref="System.Security.Claims.ClaimTypes.NameIdentifier"/> is its id, which it has proved, and the name is its name at the server, which is the server's word. Decide by the id.
    /// </summary>
    /// <param name="builder">The authentication.</param>
    public static AuthenticationBuilder AddPorthole(this AuthenticationBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.AddScheme<AuthenticationSchemeOptions, PortholeAuthenticationHandler>(PortholeScheme, null);
    }
}
