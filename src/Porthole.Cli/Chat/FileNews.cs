using Porthole.Cli.Transfer;
using Porthole.Files;

namespace Porthole.Cli.Chat;

/// <summary>What happens to files in a chat.</summary>
internal abstract record FileNews
{
    private FileNews() { }

    /// <summary>Somebody offers files.</summary>
    /// <param name="Offer">Which.</param>
    /// <param name="IsAsked">Whether a person is to say if they are taken.</param>
    public sealed record Offered(FileOffer Offer, bool IsAsked) : FileNews;

    /// <summary>Files are offered to somebody.</summary>
    public sealed record Offering : FileNews;

    /// <summary>It goes on.</summary>
    /// <param name="Track">How far it is.</param>
    /// <param name="IsIncoming">Whether it comes here.</param>
    public sealed record Progress(TransferTrack Track, bool IsIncoming) : FileNews;

    /// <summary>A file or folder is here, whole and verified.</summary>
    public sealed record Received(ReceivedRoot Root) : FileNews;

    /// <summary>All of it is there, whole and verified.</summary>
    public sealed record Sent(FileSendReport Report) : FileNews;

    /// <summary>It came to nothing, or a part of it did.</summary>
    /// <param name="Reason">Why, in one word.</param>
    /// <param name="Text">One line for a person.</param>
    /// <param name="IsIncoming">Whether it was to come here.</param>
    public sealed record Failed(string Reason, string Text, bool IsIncoming) : FileNews;

    /// <summary>A part of it is left out.</summary>
    public sealed record Skipped(string Text) : FileNews;
}
