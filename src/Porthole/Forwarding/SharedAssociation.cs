using System.Net;
using Porthole.Protocol.Forwarding;

namespace Porthole.Forwarding;

/// <summary>A shared UDP port that a peer may send datagrams to, as long as the stream that asked for it is open.</summary>
/// <param name="Number">What datagrams call it.</param>
/// <param name="Target">What it is.</param>
/// <param name="Address">Where it is.</param>
internal sealed record SharedAssociation(ushort Number, ForwardTarget Target, IPEndPoint Address);
