namespace Porthole.Protocol.Rendezvous;

/// <summary>Whom to connect to.</summary>
/// <param name="Dialled">A name, or a peer id as text; sent as it is, because it is part of the handshake's prologue.</param>
/// <param name="Instance">One run of the peer's program; null for the one that was active last.</param>
public sealed record ConnectTarget(string Dialled, InstanceId? Instance = null);
