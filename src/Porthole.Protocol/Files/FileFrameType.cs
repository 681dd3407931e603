namespace Porthole.Protocol.Files;

/// <summary>The frames of file transfer (docs/files.md). The two sides share no frame, so that an echo is never taken for an answer.</summary>
public enum FileFrameType
{
    /// <summary>No frame.</summary>
    None = 0,

    /// <summary>Sender: version and transfer id; always first.</summary>
    Offer = 0x01,

    /// <summary>Sender: some entries of the manifest.</summary>
    Entries = 0x02,

    /// <summary>Sender: the manifest is complete; its count, total and hash.</summary>
    EntriesEnd = 0x03,

    /// <summary>Sender: whether a root that is there already is the one that is offered.</summary>
    RootVerdict = 0x04,

    /// <summary>Sender: what is kept, and what will be sent.</summary>
    Begin = 0x05,

    /// <summary>Sender: a file begins at an offset.</summary>
    FileStart = 0x06,

    /// <summary>Sender: the hash of the file up to the end of this chunk, and the chunk.</summary>
    Chunk = 0x07,

    /// <summary>Sender: the hash of the whole file.</summary>
    FileEnd = 0x08,

    /// <summary>Sender: a file cannot be sent.</summary>
    FileFailed = 0x09,

    /// <summary>Sender: everything was sent; the hash of the tree.</summary>
    Done = 0x0A,

    /// <summary>Sender: still here.</summary>
    SenderAlive = 0x0B,

    /// <summary>Receiver: the version; always first.</summary>
    Welcome = 0x21,

    /// <summary>Receiver: the offer is taken; what was ever received of it, and how each root stands.</summary>
    Answer = 0x22,

    /// <summary>Receiver: hashes of what is on its disk of a file.</summary>
    Have = 0x23,

    /// <summary>Receiver: no more of those.</summary>
    HaveEnd = 0x24,

    /// <summary>Receiver: how many bytes of chunks were verified and written on this stream.</summary>
    Ack = 0x25,

    /// <summary>Receiver: a file cannot be written.</summary>
    FileRefused = 0x26,

    /// <summary>Receiver: everything is verified and in its place.</summary>
    Finished = 0x27,

    /// <summary>Receiver: the transfer is refused, or given up.</summary>
    ReceiverError = 0x28,

    /// <summary>Receiver: still here.</summary>
    ReceiverAlive = 0x29,
}
