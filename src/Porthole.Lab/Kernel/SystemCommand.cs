using System.ComponentModel;
using System.Diagnostics;

namespace Porthole.Lab.Kernel;

/// <summary>Runs one short command of the system to its end.</summary>
internal static class SystemCommand
{
    // Every command here only changes kernel tables; one that takes longer than this hangs.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(1);

    /// <summary>Runs the command and gives its standard output.</summary>
    /// <exception cref="KernelLabException">It could not be started, failed or did not end.</exception>
    public static string Run(string program, IEnumerable<string> arguments, string? input = null)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        };
        try
        {
            using var process = Process.Start(start) ?? throw new KernelLabException($"{program} could not be started.");
            Task<string> output = process.StandardOutput.ReadToEndAsync();
            Task<string> errors = process.StandardError.ReadToEndAsync();
            if (input is not null) process.StandardInput.Write(input);
            process.StandardInput.Close();
            if (!process.WaitForExit(s_limit))
            {
                process.Kill();
                throw new KernelLabException($"{program} {string.Join(' ', start.ArgumentList)} did not end within {s_limit.TotalSeconds} s.");
            }
            process.WaitForExit();
            if (process.ExitCode == 0) return output.Result;
            throw new KernelLabException($"{program} {string.Join(' ', start.ArgumentList)} failed: {errors.Result.Trim()}\n{input}");
        }
        catch (Exception e) when (e is Win32Exception or IOException and not KernelLabException)
        {
            throw new KernelLabException($"{program} could not be run: {e.Message}", e);
        }
    }

    /// <summary>As <see cref="Run"/>, but a failure is only reported.</summary>
    public static bool TryRun(string program, params string[] arguments)
    {
        try
        {
            Run(program, arguments);
            return true;
        }
        catch (KernelLabException)
        {
            return false;
        }
    }
}
