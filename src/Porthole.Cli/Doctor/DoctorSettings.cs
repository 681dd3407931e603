using Porthole.Protocol.Peer;

namespace Porthole.Cli.Doctor;

/// <summary>What <c>porthole doctor</c> is asked to do.</summary>
/// <param name="Target">Whom to connect to.</param>
/// <param name="Timeout">How long to wait for the path to settle, once the session stands.</param>
/// <param name="Json">Whether to write JSON.</param>
internal sealed record DoctorSettings(PeerTarget Target, TimeSpan Timeout, bool Json);
