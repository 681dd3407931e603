namespace Porthole.Protocol.Rendezvous;

/// <summary>What a peer found out about its NAT's treatment of TCP.</summary>
/// <param name="Mapping">How the NAT maps; <see cref="NatMappingFact.Blocked"/> when no STUN server could be reached by TCP.</param>
/// <param name="Allocation">How it chooses ports.</param>
/// <param name="Step">The distance between two ports of a sequential NAT, else 0.</param>
/// <param name="LowestPort">The lowest port that was seen, of a NAT that chooses at random; else, or if none was seen, 0.</param>
/// <param name="HighestPort">The highest; else 0.</param>
public sealed record TcpNatFacts(NatMappingFact Mapping, NatAllocationFact Allocation, int Step, ushort LowestPort, ushort HighestPort);
