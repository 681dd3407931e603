namespace Porthole.Protocol.Peer;

/// <summary>One step of a plan: a method, what it is expected to bring and to cost on this side.</summary>
/// <param name="Method">The method.</param>
/// <param name="ExpectedSuccess">The chance of a direct path by it, 0 to 1, if nothing before it has led to one.</param>
/// <param name="Packets">Packets that this side sends for it at most.</param>
/// <param name="Sockets">Sockets that this side opens for it, beside those that are always there.</param>
/// <param name="Time">How long it takes at most.</param>
public sealed record PlannedMethod(PunchMethod Method, double ExpectedSuccess, int Packets, int Sockets, TimeSpan Time);
