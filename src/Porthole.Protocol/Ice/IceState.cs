namespace Porthole.Protocol.Ice;

/// <summary>How far an agent is (RFC 8445 section 6.1.3, with the valid pair told apart from the nominated one).</summary>
public enum IceState
{
    /// <summary>Not started: checks are answered, none is sent.</summary>
    New,

    /// <summary>Started, no pair is valid yet.</summary>
    Checking,

    /// <summary>A pair is valid, none is nominated yet.</summary>
    Connected,

    /// <summary>A pair is nominated.</summary>
    Completed,

    /// <summary>No pair became valid in time, or the last consent expired. The agent is silent from now on; a restart is a new agent.</summary>
    Failed,
}
