using Porthole.Files;

namespace Porthole.Cli.Transfer;

/// <summary>Says that a file or folder is left out of a transfer.</summary>
internal static class SkippedLine
{
    public static void Say(ITransferView view, bool json, FileTransferEvent.Skipped skipped)
    {
        if (!json)
        {
            view.Warn(skipped.Text);
            return;
        }

        view.Say("skipped", null, writer =>
        {
            writer.WriteString("path", skipped.Path);
            writer.WriteString("reason", skipped.Reason.ToString());
            writer.WriteString("text", skipped.Text);
        });
    }
}
