using System.Runtime.InteropServices;

namespace Porthole.Cli.Terminal;

/// <summary>How large the terminal is at this moment.</summary>
internal static partial class TerminalSize
{
    private const int Standard = 80;

    private const int Output = 1;

    /// <summary>TIOCGWINSZ of Linux; where an architecture has another, it is refused there.</summary>
    private const nuint GetWindowSize = 0x5413;

    /// <summary>
    /// Its columns. The runtime remembers what they were until the signal of a change has reached it: whoever draws in between would take the prompt off a screen that is not there any more.
    /// </summary>
    public static int Columns
    {
        get
        {
            if (OperatingSystem.IsLinux() && Ask(Output, GetWindowSize, out var size) == 0 && size.Columns > 0) return size.Columns;
            try
            {
                return Console.WindowWidth is > 0 and var width ? width : Standard;
            }
            catch (IOException)
            {
                return Standard;
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "ioctl")]
    private static partial int Ask(int descriptor, nuint request, out WindowSize size);

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct WindowSize
    {
        public readonly ushort Rows;
        public readonly ushort Columns;
        public readonly ushort Width;
        public readonly ushort Height;
    }
}
