using System.Text;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Server;

/// <summary>
/// Who holds which name, in a file that is only ever appended to: a line for each name taken or used, the last line of a name counts. It is written anew,
/// with one line a name, when the server starts.
/// </summary>
internal sealed class NamesFile : IDisposable
{
    private readonly FileStream _stream;

    private NamesFile(FileStream stream, IReadOnlyList<NameRecord> records) => (_stream, Records) = (stream, records);

    /// <summary>The newest record of each name when the file was opened.</summary>
    public IReadOnlyList<NameRecord> Records { get; }

    /// <summary>Opens the file, or makes it. Lines that cannot be read are kept aside in a file beside it, so that nothing is lost.</summary>
    /// <exception cref="PeerException">The file cannot be read or written.</exception>
    public static NamesFile Open(string path)
    {
        try
        {
            var records = new Dictionary<string, NameRecord>(StringComparer.Ordinal);
            var broken = new List<string>();
            if (File.Exists(path))
            {
                foreach (string line in File.ReadLines(path))
                {
                    if (NameRecord.TryParse(line, out var record)) records[record.Name] = record;
                    else if (line.Length > 0) broken.Add(line);
                }
            }

            if (broken.Count > 0) File.AppendAllLines(path + ".unreadable", broken);
            string fresh = path + ".new";
            File.WriteAllLines(fresh, records.Values.Select(static record => record.ToLine()));
            File.Move(fresh, path, overwrite: true);
            return new NamesFile(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read), [.. records.Values]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new PeerException(PeerError.BadFile, $"The names file {path} cannot be used: {exception.Message} Choose another folder with --data.", exception);
        }
    }

    /// <summary>Appends one record; it is on disk when the call returns.</summary>
    public void Append(NameRecord record)
    {
        _stream.Write(Encoding.UTF8.GetBytes(record.ToLine() + "\n"));
        _stream.Flush(flushToDisk: true);
    }

    public void Dispose() => _stream.Dispose();
}
