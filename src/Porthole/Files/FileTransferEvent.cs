using Porthole.Protocol;
using Porthole.Protocol.Files;
using Porthole.Protocol.Peer;

namespace Porthole.Files;

/// <summary>What happens during a transfer, for a screen or a log. Observers are called in order, on the transfer's own threads: they should return quickly.</summary>
public abstract record FileTransferEvent
{
    private FileTransferEvent()
    {
    }

    /// <summary>An offer has been read, and is about to be answered. At the sender: the offer was sent.</summary>
    /// <param name="Offer">What is offered. At the sender the sender's id is <see cref="PeerId.Unknown"/>: it is this peer.</param>
    public sealed record Offered(FileOffer Offer) : FileTransferEvent;

    /// <summary>The offer was taken, and what was here already is verified.</summary>
    /// <param name="BytesHere">What need not be sent.</param>
    /// <param name="Total">The sizes of all files together.</param>
    public sealed record Started(long BytesHere, long Total) : FileTransferEvent;

    /// <summary>More was verified and written.</summary>
    /// <param name="Bytes">What is at the receiver, with what was there before.</param>
    /// <param name="Total">The sizes of all files together.</param>
    /// <param name="Kind">The path that is used now.</param>
    public sealed record Progress(long Bytes, long Total, PathKind Kind) : FileTransferEvent;

    /// <summary>A file is complete and verified. At the sender: all of it was sent.</summary>
    /// <param name="Path">Its path from the top of the transfer, with slashes.</param>
    /// <param name="Bytes">Its size.</param>
    /// <param name="Sha256">Its SHA-256.</param>
    public sealed record FileCompleted(string Path, long Bytes, ReadOnlyMemory<byte> Sha256) : FileTransferEvent;

    /// <summary>A file or folder is left out: a link, a special file, one that cannot be read or written, one that changed. The rest goes on.</summary>
    /// <param name="Path">Its path.</param>
    /// <param name="Reason">Why, in one word.</param>
    /// <param name="Text">One line for a person.</param>
    public sealed record Skipped(string Path, FileError Reason, string Text) : FileTransferEvent;

    /// <summary>The connection broke; the sender dials again.</summary>
    /// <param name="Error">Why, in one word.</param>
    /// <param name="Text">One line for a person.</param>
    public sealed record Interrupted(PeerError Error, string Text) : FileTransferEvent;

    /// <summary>It goes on over another connection.</summary>
    /// <param name="BytesHere">What need not be sent again.</param>
    public sealed record Resumed(long BytesHere) : FileTransferEvent;
}
