using System.Runtime.CompilerServices;
using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests;

/// <summary>A theory that builds network namespaces; where that is not possible it is skipped with the reason.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class RootTheoryAttribute : TheoryAttribute
{
    public RootTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1) : base(file, line)
    {
        if (!KernelLab.IsSupported(out string reason)) Skip = reason;
    }
}
