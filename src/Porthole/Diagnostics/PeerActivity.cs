using System.Diagnostics;

namespace Porthole.Diagnostics;

/// <summary>The activities of the source <c>Porthole</c>: one for each call.</summary>
public static class PeerActivity
{
    /// <summary>The name of the source.</summary>
    public const string SourceName = "Porthole";

    private static readonly ActivitySource s_source = new(SourceName);

    internal static Activity? StartConnect() => s_source.StartActivity("porthole.connect", ActivityKind.Client);

    internal static void Succeed(Activity? activity, PeerConnection connection)
    {
        activity?.SetTag("porthole.path", connection.Path.Kind.ToString());
        activity?.SetStatus(ActivityStatusCode.Ok);
    }

    internal static void Fail(Activity? activity, string reason) => activity?.SetStatus(ActivityStatusCode.Error, reason);
}
