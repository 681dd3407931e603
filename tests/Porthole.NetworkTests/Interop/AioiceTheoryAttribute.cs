using System.Runtime.CompilerServices;
using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.Interop;

/// <summary>A theory in which Debian's aioice is the other side, inside namespaces; skipped with the reason where that is not possible.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AioiceTheoryAttribute : TheoryAttribute
{
    /// <summary>Debian's Python, the one that has Debian's packages.</summary>
    public const string Python = "/usr/bin/python3";

    public AioiceTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1) : base(file, line)
    {
        if (!KernelLab.IsSupported(out string reason)) Skip = reason;
        else if (!File.Exists("/usr/lib/python3/dist-packages/aioice/__init__.py")) Skip = "The package python3-aioice is not installed.";
    }
}
