using System.Runtime.CompilerServices;
using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.Interop;

/// <summary>A theory in which Debian's coturn is the other side, inside namespaces; skipped with the reason where that is not possible.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class CoturnTheoryAttribute : TheoryAttribute
{
    public CoturnTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1) : base(file, line)
    {
        if (!KernelLab.IsSupported(out string reason) || !Coturn.IsInstalled(out reason)) Skip = reason;
    }
}
