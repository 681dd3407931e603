using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Porthole.AspNetCore;

/// <summary>Knows a caller by the key of its connection. A request over an ordinary port, or of a stranger whom nothing vouches for, is nobody's.</summary>
internal sealed class PortholeAuthenticationHandler(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Context.GetPeer() is not { Connection.IsAuthenticated: true } peer) return Task.FromResult(AuthenticateResult.NoResult());
        var identity = new ClaimsIdentity(Scheme.Name);
        identity.AddClaim(new Claim(ClaimTypes.NameIdentifier, peer.PeerId.ToString()));
        if (peer.Name is { } name) identity.AddClaim(new Claim(identity.NameClaimType, name));
        return Task.FromResult(AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), Scheme.Name)));
    }
}
