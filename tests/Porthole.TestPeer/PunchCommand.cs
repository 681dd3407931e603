namespace Porthole.TestPeer;

/// <summary>What a test asks of a bare punch: with whom, in which role of TLS, and how many bytes each way.</summary>
/// <param name="Remote">The other side's mapped address.</param>
/// <param name="Pin">The SHA-256 of its public key, in hexadecimal.</param>
/// <param name="IsServer">Whether to be the server of TLS.</param>
/// <param name="Bytes">How many bytes the client asks for, each way.</param>
internal sealed record PunchCommand(string Remote, string Pin, bool IsServer, long Bytes);
