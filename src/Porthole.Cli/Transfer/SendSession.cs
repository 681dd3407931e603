using Porthole.Files;
using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Transfer;

/// <summary>One run of <c>porthole send</c>: finds the other side by name or by code, sends, dials again when something breaks, until it is all there.</summary>
internal sealed class SendSession(SendSettings settings)
{
    /// <summary>How long the other side may be away once it was there: long enough for a restart, a nap of a laptop, a walk to the next network.</summary>
    public static readonly TimeSpan StandardWait = TimeSpan.FromMinutes(10);

    /// <summary>Runs it all.</summary>
    /// <returns>The exit code.</returns>
    /// <exception cref="PeerException">There is no connection to be had.</exception>
    public async Task<int> RunAsync(PeerOptions options, CancellationToken interrupted)
    {
        using var view = TransferView.Create(settings.Json);
        var report = new SendReport(settings, view);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(interrupted);
        var watch = new NodeWatch(view, settings.Json, stop);
        try
        {
            CheckPaths();
            var sender = new FileSender(settings.Paths, new FileSendOptions { Observer = report.Handle });
            return await SendAsync(sender, options, report, watch, stop.Token).ConfigureAwait(false);
        }
        catch (FileException exception)
        {
            bool isRefused = exception is { Reason: FileError.Refused, IsRemote: true };
            report.Failed(isRefused ? "refused" : "failed", exception.Message, writer =>
            {
                writer.WriteString("reason", exception.Reason.ToString());
                writer.WriteString("text", exception.Message);
            });
            return ExitCode.Of(exception);
        }
        catch (GaveUpException exception)
        {
            report.Failed("failed", $"{exception.Reason.Message} Nobody came within {Amounts.Span(settings.Wait ?? StandardWait)}.{(report.Percent is null ? "" : $" {HowToGoOn()}")}", writer =>
            {
                writer.WriteString("reason", exception.Reason.Error.ToString());
                writer.WriteString("text", exception.Reason.Message);
            });
            return ExitCode.Of(exception.Reason.Error);
        }
        catch (OperationCanceledException) when (!interrupted.IsCancellationRequested && watch.Fatal is { Error: { } error } fatal)
        {
            report.Failed("failed", fatal.Text, writer => writer.WriteString("reason", error.ToString()));
            return ExitCode.Of(error);
        }
        catch (OperationCanceledException)
        {
            report.Failed("stopped", report.Percent is { } percent
                ? $"Stopped at {percent}. {HowToGoOn()}"
                : "Stopped before anything was sent.");
            return ExitCode.Interrupted;
        }
        finally
        {
            await watch.CompleteAsync().ConfigureAwait(false);
        }
    }

    private async Task<int> SendAsync(FileSender sender, PeerOptions options, SendReport report, NodeWatch watch, CancellationToken cancellationToken)
    {
        using var link = settings.Code is { } code ? CodeLink.Open(TransferSide.Send, code, Pairings.Open(Pairings.DefaultPath), options, settings.NamesIdentity) : null;
        var node = await PeerNode.StartAsync(watch.Watch(TransferSessions.Adjust(link?.Options ?? options)), cancellationToken).ConfigureAwait(false);
        await using (node.ConfigureAwait(false))
        {
            watch.Started(node, link is null ? $"You are {node.Name ?? "nameless"}, {node.Id.Short}…." : null);
            link?.Check(node);
            if (settings.IsNewCode) report.Code(settings.Code!.Reveal(), options.Server);
            var wait = settings.Wait ?? StandardWait;
            var dialer = new TransferDialer(
                token => DialAsync(node, link, report, token), wait, settings.Wait is not null || link?.Pairing is not null, why => report.Waiting(why, wait), options.TimeProvider);
            node.ServerChanged += (_, state) =>
            {
                if (state.IsRegistered) dialer.DialNow();
            };
            var sent = await sender.SendAsync(dialer.ConnectAsync, cancellationToken).ConfigureAwait(false);
            link?.Forget();
            report.Sent(sent);
            return ExitCode.Success;
        }
    }

    private async Task<PeerConnection> DialAsync(PeerNode node, CodeLink? link, SendReport report, CancellationToken cancellationToken)
    {
        var connection = link switch
        {
            null => await node.ConnectAsync(settings.Target!, cancellationToken).ConfigureAwait(false),
            { Pairing: null } => await MeetAsync(node, link, cancellationToken).ConfigureAwait(false),
            { Pairing: { } pairing } => await node.ConnectAsync(new PeerTarget(null, pairing.Peer.PeerId), cancellationToken).ConfigureAwait(false),
        };
        report.Connected(connection);
        return connection;
    }

    /// <summary>Meets whoever has the code, who is waited for as long as the server allows, or as long as was asked for.</summary>
    private async Task<PeerConnection> MeetAsync(PeerNode node, CodeLink link, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (settings.Wait is { } wait) either.CancelAfter(wait);
        try
        {
            return await link.MeetAsync(node, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new GaveUpException(new PeerException(PeerError.TimedOut, "The other side with the same code is not there."));
        }
    }

    /// <summary>What is not there is said before anybody is called.</summary>
    private void CheckPaths()
    {
        foreach (string path in settings.Paths)
        {
            if (!Path.Exists(path)) throw new FileException(FileError.NotFound, $"{path} is not there. {WhatToDoAbout(path)}") { Path = path };
        }
    }

    private string WhatToDoAbout(string path)
    {
        if (path == "-") return "Standard input cannot be sent: write it to a file, and send that.";
        bool mayBePeer = settings.Code is not null && settings.Paths.Length > 1 && path == settings.Paths[^1] && PeerTarget.TryParse(path, out _);
        return mayBePeer ? "Check the path; with --code no peer is named." : "Check the path.";
    }

    private string HowToGoOn() => settings.IsNewCode
        ? $"To go on from there: the same paths with --code {settings.Code!.Reveal()}, and the same command at the other side."
        : "The same command goes on from there.";
}
