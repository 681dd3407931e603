using Porthole.Protocol;
using Porthole.Protocol.Files;

namespace Porthole.Files;

/// <summary>The journal of one transfer in the folder it is received into. While it is open, no other program receives that transfer there.</summary>
internal sealed class TransferJournal : IDisposable
{
    /// <summary>The longest journal that is read: one record for each megabyte of 50 TB. A longer one is begun anew.</summary>
    private const long MaxSize = 1024 * 1024 * 1024;

    private readonly FileStream _file;
    private readonly string _path;

    private TransferJournal(FileStream file, string path, JournalState state) => (_file, _path, State) = (file, path, state);

    /// <summary>What it says.</summary>
    public JournalState State { get; private set; }

    /// <summary>Whether it can be written to.</summary>
    public bool IsOpen => _file.CanWrite;

    /// <summary>A handle of a file in the folder.</summary>
    public Microsoft.Win32.SafeHandles.SafeFileHandle Handle => _file.SafeFileHandle;

    /// <summary>Where the journal of a transfer is.</summary>
    public static string PathIn(string folder, string key) => Path.Combine(folder, EntryName.JournalPrefix + key);

    /// <summary>Reads what a journal says, without holding it.</summary>
    public static JournalState Look(string folder, string key, PeerId sender, TransferId id)
    {
        string path = PathIn(folder, key);
        try
        {
            var info = new FileInfo(path);
            if (!info.Exists || info.LinkTarget is not null || info.Length > MaxSize) return default;
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            return Read(file, sender, id);
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            return default;
        }
    }

    /// <summary>Opens the journal of a transfer, or begins it.</summary>
    /// <exception cref="FileException">Another program has it, a link stands in its place, or the folder cannot be written to.</exception>
    public static TransferJournal Open(string folder, string key, PeerId sender, TransferId id)
    {
        string path = PathIn(folder, key);
        FileStream? file = null;
        try
        {
            if (new FileInfo(path).LinkTarget is not null) throw new FileException(FileError.Link, $"{path} is a link. Remove it.") { Path = path };
            var options = new FileStreamOptions { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None, BufferSize = 0 };
            if (!OperatingSystem.IsWindows()) options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
            file = new FileStream(path, options);
            var state = file.Length <= MaxSize ? Read(file, sender, id) : default;
            if (state.Length == 0)
            {
                file.SetLength(0);
                file.Position = 0;
                file.Write(JournalCodec.WriteHeader(sender, id));
                state = new JournalState(false, 0, 0, JournalCodec.HeaderSize);
            }

            file.SetLength(state.Length);
            file.Position = state.Length;
            return new TransferJournal(file, path, state);
        }
        catch (IOException exception) when (exception is not FileException and not FileNotFoundException and not DirectoryNotFoundException && FileErrors.ReasonOf(exception) == FileError.Failed)
        {
            file?.Dispose();
            throw new FileException(FileError.InUse, $"Another program receives the same files into {folder}. Let it finish, or end it.", exception) { Path = path };
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            file?.Dispose();
            throw FileErrors.From(exception, "write", path);
        }
    }

    /// <summary>Writes down that the offer was taken.</summary>
    public void Accept(ReadOnlySpan<byte> digest)
    {
        Append(JournalCodec.WriteAccepted(State.Length, digest));
        State = State with { IsAccepted = true };
    }

    /// <summary>Writes down how much ever came.</summary>
    public void Receive(long bytes)
    {
        if (bytes == State.Received) return;
        Append(JournalCodec.WriteReceived(State.Length, bytes));
        State = State with { Received = bytes };
    }

    /// <summary>The transfer is complete: no journal is needed any more.</summary>
    public void Delete()
    {
        if (OperatingSystem.IsWindows()) Dispose(); // what is open cannot be deleted there
        File.Delete(_path);
        Dispose();
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    private static JournalState Read(FileStream file, PeerId sender, TransferId id)
    {
        byte[] bytes = new byte[file.Length];
        int read = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
        return JournalCodec.TryRead(bytes.AsSpan(0, read), sender, id, out var state) ? state : default;
    }

    private void Append(byte[] record)
    {
        try
        {
            _file.Write(record);
            State = State with { Length = State.Length + record.Length };
        }
        catch (Exception exception) when (FileErrors.IsLocal(exception))
        {
            throw FileErrors.From(exception, "write", _path);
        }
    }
}
