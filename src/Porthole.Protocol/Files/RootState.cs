namespace Porthole.Protocol.Files;

/// <summary>How a root of an offer stands at the receiver.</summary>
public enum RootState
{
    /// <summary>Nothing of it is there, or only a part: hashes of that follow.</summary>
    Wanted = 0,

    /// <summary>Something of its name is there: if it is the same, it counts as received, and if not it stays and the root is left out. Hashes follow.</summary>
    Existing = 1,

    /// <summary>As before, but it gives way if it is not the same.</summary>
    Replaceable = 2,

    /// <summary>Something else of its name is there, for certain: the root is left out.</summary>
    Blocked = 3,
}
