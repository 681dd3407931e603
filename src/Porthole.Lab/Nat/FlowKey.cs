using Porthole.Protocol;

namespace Porthole.Lab.Nat;

/// <summary>One end on this side of a middlebox, and the remote: a whole endpoint, an IP address with port 0, or nothing (all remotes).</summary>
internal readonly record struct FlowKey(TransportAddress Local, TransportAddress Remote);
