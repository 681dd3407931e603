using System.CommandLine;
using Porthole.Cli.Demo;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole demo</c>.</summary>
internal static class DemoCommand
{
    /// <summary>The demo ends, whatever happens. It takes a few seconds, and several times that where the machine has much to do: it starts five programs.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    public static Command Create()
    {
        var command = new Command("demo", "Show on this machine, without root, how two peers behind NATs find a direct path, packet by packet.");
        command.SetAction(static async (_, _) =>
        {
            using var interrupt = new Interrupt();
            using var late = CancellationTokenSource.CreateLinkedTokenSource(interrupt.Token);
            late.CancelAfter(s_patience);
            var demo = new DemoRun();
            await using (demo.ConfigureAwait(false))
            {
                try
                {
                    return await demo.RunAsync(late.Token).ConfigureAwait(false) ? ExitCode.Success : ExitCode.NoDirectPath;
                }
                catch (PeerException) when (interrupt.Token.IsCancellationRequested)
                {
                    return ExitCode.Interrupted;
                }
            }
        });
        return command;
    }
}
