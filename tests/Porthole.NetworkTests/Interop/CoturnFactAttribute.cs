using System.Runtime.CompilerServices;

namespace Porthole.NetworkTests.Interop;

/// <summary>A test in which Debian's coturn is the other side, on this host; skipped with the reason where it is not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CoturnFactAttribute : FactAttribute
{
    public CoturnFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1) : base(file, line)
    {
        if (!Coturn.IsInstalled(out string reason)) Skip = reason;
    }
}
