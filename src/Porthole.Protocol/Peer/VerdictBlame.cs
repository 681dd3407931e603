namespace Porthole.Protocol.Peer;

/// <summary>Where it lies that there is no direct path.</summary>
public enum VerdictBlame
{
    /// <summary>There is one, or nothing is known yet, or it is nobody's network.</summary>
    Nobody,

    /// <summary>On this side.</summary>
    Here,

    /// <summary>On the peer's side.</summary>
    There,

    /// <summary>On both sides together, or on either: a change of one would do.</summary>
    Both,
}
