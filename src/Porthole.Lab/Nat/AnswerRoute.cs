namespace Porthole.Lab.Nat;

/// <summary>
/// How the inside's packet leaves towards a remote whose own packet the filter has admitted. It matters only where mapping is stricter than
/// filtering.
/// </summary>
public enum AnswerRoute
{
    /// <summary>Through the mapping that admitted the packet: NATs that track sessions, as Linux does. The packet admitted last decides.</summary>
    SameSession,

    /// <summary>Through the mapping that the mapping behaviour asks for: often another port, which the remote does not expect.</summary>
    NewMapping,
}
