using System.Runtime.CompilerServices;
using Porthole.Lab.Kernel;

namespace Porthole.NetworkTests.PortMapping;

/// <summary>A theory in which Debian's miniupnpd is the gateway, inside namespaces; skipped with the reason where that is not possible.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MiniupnpdTheoryAttribute : TheoryAttribute
{
    public MiniupnpdTheoryAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1) : base(file, line)
    {
        if (!KernelLab.IsSupported(out string reason)) Skip = reason;
        else if (!File.Exists(Miniupnpd.Program)) Skip = "The package miniupnpd-nftables is not installed.";
    }
}
