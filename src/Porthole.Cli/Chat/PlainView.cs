namespace Porthole.Cli.Chat;

/// <summary>A chat as plain lines on standard output: <c>NAME: text</c> for messages, everything else behind a mark. What could not be done goes to standard error.</summary>
internal sealed class PlainView(bool showsChecks) : IChatView
{
    private readonly Lock _gate = new();

    public void Show(ChatEvent happened)
    {
        if (happened is ChatEvent.Check or ChatEvent.Pair && !showsChecks) return;
        if (happened is ChatEvent.Failed failed)
        {
            Complaint.Write(failed.Text);
            return;
        }

        lock (_gate)
        {
            foreach (string line in ChatText.Lines(happened)) Console.Out.WriteLine(line);
            Console.Out.Flush();
        }
    }
}
