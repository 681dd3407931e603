using System.Security;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Trace;

/// <summary>
/// The two files that <c>--trace FILE</c> writes: the chart (FILE, or FILE.html) and beside it, with the same name, the packets (.pcapng). Both are opened at the
/// start, so that a path that cannot be written to is known before anything is done.
/// </summary>
internal sealed class TraceFiles : IDisposable
{
    private const string ChartSuffix = ".html";
    private const string CaptureSuffix = ".pcapng";

    private readonly FileStream _chart;
    private readonly FileStream _capture;

    private TraceFiles(FileStream chart, FileStream capture) => (_chart, _capture) = (chart, capture);

    /// <summary>What is to be traced goes here.</summary>
    public TraceRecorder Recorder { get; } = new();

    /// <summary>Opens the files.</summary>
    /// <param name="file">What the command line says.</param>
    /// <exception cref="PeerException">They cannot be written.</exception>
    public static TraceFiles Open(string file)
    {
        string name = file.EndsWith(ChartSuffix, StringComparison.OrdinalIgnoreCase) ? file[..^ChartSuffix.Length] : file;
        var chart = Create(name + ChartSuffix);
        try
        {
            return new TraceFiles(chart, Create(name + CaptureSuffix));
        }
        catch (PeerException)
        {
            chart.Dispose();
            throw;
        }
    }

    /// <summary>Writes what was recorded.</summary>
    /// <exception cref="PeerException">The files cannot be written any more.</exception>
    public void Write()
    {
        var story = TraceStory.Of(Recorder.Take());
        Writing(_chart, () => TraceChart.Write(_chart, story));
        Writing(_capture, () => PcapngWriter.Write(_capture, story));
    }

    public void Dispose()
    {
        _chart.Dispose();
        _capture.Dispose();
    }

    private static FileStream Create(string path)
    {
        try
        {
            return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read);
        }
        catch (Exception exception) when (IsAboutFile(exception))
        {
            throw Failure(path, exception);
        }
    }

    private static void Writing(FileStream file, Action write)
    {
        try
        {
            write();
            file.Flush();
        }
        catch (Exception exception) when (IsAboutFile(exception))
        {
            throw Failure(file.Name, exception);
        }
    }

    private static bool IsAboutFile(Exception exception) => exception is IOException or UnauthorizedAccessException or SecurityException or ArgumentException or NotSupportedException;

    private static PeerException Failure(string path, Exception exception) =>
        new(PeerError.BadFile, $"The trace cannot be written to '{path}': {exception.Message} Name a file in a folder that is there, and that you may write to, with --trace.");
}
