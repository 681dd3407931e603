using System.Net;
using Porthole.Protocol.Forwarding;

namespace Porthole.Forwarding;

/// <summary>A local port that leads to one which a peer shares.</summary>
/// <param name="Local">Where to listen; port 0 is any that is free.</param>
/// <param name="Target">What it leads to, in the sharer's words; its kind is that of the local port.</param>
public sealed record ForwardedPort(IPEndPoint Local, ForwardTarget Target);
