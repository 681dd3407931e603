namespace Porthole.Protocol.Session;

/// <summary>A path as its session knows it: a number, never given twice in one session.</summary>
/// <param name="Value">The number, from 1 up; 0 is no path.</param>
public readonly record struct PathId(int Value)
{
    /// <inheritdoc/>
    public override string ToString() => $"path {Value}";
}
