namespace Porthole.Cli;

/// <summary>Asks whoever sits at the terminal about each call, one after the other.</summary>
internal static class CallQuestions
{
    /// <summary>Asks until it is cancelled.</summary>
    /// <param name="node">The peer that is called.</param>
    /// <param name="wish">What a caller wants, behind its name.</param>
    /// <param name="serve">Serves a connection that was let in.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task AnswerAsync(PeerNode node, string wish, Func<PeerConnection, Task> serve, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                var call = await node.AcceptCallAsync(cancellationToken).ConfigureAwait(false);
                await Console.Error.WriteAsync($"{(call.Name is { } name ? Words.Safe(name) : "A peer without a name")} ({call.PeerId}) {wish}. Accept? [y/N] ").ConfigureAwait(false);
                string? answer = await Task.Run(Console.ReadLine, cancellationToken).WaitAsync(cancellationToken).ConfigureAwait(false);
                if (answer?.Trim() is "y" or "Y" or "yes") _ = ServeAsync(call, serve, cancellationToken);
                else call.Refuse();
            }
        }
        catch (OperationCanceledException)
        {
            // The program ends.
        }
    }

    private static async Task ServeAsync(IncomingCall call, Func<PeerConnection, Task> serve, CancellationToken cancellationToken)
    {
        try
        {
            await serve(await call.AcceptAsync(cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        }
        catch (PeerException exception)
        {
            Complaint.Write(exception.Message);
        }
        catch (OperationCanceledException)
        {
            // The program ends.
        }
    }
}
