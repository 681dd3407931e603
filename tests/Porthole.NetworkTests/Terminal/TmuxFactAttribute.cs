using System.Runtime.CompilerServices;

namespace Porthole.NetworkTests.Terminal;

/// <summary>A test that needs a pseudo-terminal; without tmux it is skipped with the reason.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class TmuxFactAttribute : FactAttribute
{
    public TmuxFactAttribute([CallerFilePath] string? file = null, [CallerLineNumber] int line = -1) : base(file, line)
    {
        if (!TmuxTerminal.IsSupported) Skip = "tmux is not installed; test.sh installs it on Debian as root.";
    }
}
