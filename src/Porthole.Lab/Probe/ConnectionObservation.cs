using Porthole.Lab.Nat;

namespace Porthole.Lab.Probe;

/// <summary>What a probe saw of what is TCP's alone (RFC 5382).</summary>
/// <param name="Unsolicited">How a SYN is answered that nobody asked for (REQ-4).</param>
/// <param name="CrossingPasses">Whether a SYN passes that meets one from inside: a simultaneous open (REQ-2).</param>
/// <param name="OutlivesReset">Whether the far end's SYN still passes when it has answered one from inside with a RST.</param>
public readonly record struct ConnectionObservation(UnsolicitedSyn Unsolicited, bool CrossingPasses, bool OutlivesReset);
