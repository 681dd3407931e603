using Porthole.Protocol.Files;

namespace Porthole.Protocol.Tests.Files;

public sealed class JournalCodecTests
{
    private static readonly PeerId s_sender = new([.. Enumerable.Repeat((byte)1, PeerId.Size)]);
    private static readonly TransferId s_id = new(77);

    [Fact]
    public void Cut_anywhere_a_journal_says_what_was_whole()
    {
        byte[] journal = Journal(out var ends);
        for (int length = 0; length <= journal.Length; length++)
        {
            bool isRead = JournalCodec.TryRead(journal.AsSpan(0, length), s_sender, s_id, out var state);
            Assert.Equal(length >= JournalCodec.HeaderSize, isRead);
            if (!isRead) continue;
            int records = ends.Count(end => end <= length) - 1;
            Assert.Equal((records > 0, records > 1 ? (records - 1) * 1_000L : 0, ends[records]), (state.IsAccepted, state.Received, state.Length));
        }
    }

    [Fact]
    public void Changed_anywhere_a_journal_ends_before_the_change()
    {
        byte[] journal = Journal(out var ends);
        for (int at = 0; at < journal.Length; at++)
        {
            byte[] torn = [.. journal];
            torn[at] ^= 0x10;
            bool isRead = JournalCodec.TryRead(torn, s_sender, s_id, out var state);
            Assert.Equal(at >= JournalCodec.HeaderSize, isRead);
            if (isRead) Assert.Equal(ends.Last(end => end <= at), state.Length);
        }
    }

    [Fact]
    public void A_record_holds_at_its_own_place_only()
    {
        byte[] header = JournalCodec.WriteHeader(s_sender, s_id);
        byte[] record = JournalCodec.WriteReceived(header.Length + JournalCodec.RecordSize, 5);
        Assert.True(JournalCodec.TryRead((byte[])[.. header, .. record], s_sender, s_id, out var state));
        Assert.Equal(JournalCodec.HeaderSize, state.Length);
    }

    [Fact]
    public void A_journal_is_of_one_sender_and_one_transfer()
    {
        byte[] journal = Journal(out _);
        Assert.False(JournalCodec.TryRead(journal, default, s_id, out _));
        Assert.False(JournalCodec.TryRead(journal, s_sender, default, out _));
        var random = new Random(1);
        for (int i = 0; i < 2_000; i++)
        {
            byte[] noise = new byte[random.Next(300)];
            random.NextBytes(noise);
            Assert.False(JournalCodec.TryRead(noise, s_sender, s_id, out _));
        }
    }

    [Fact]
    public void Two_offers_that_begin_alike_are_told_apart()
    {
        byte[] digest = new byte[FileLimits.HashSize];
        digest[15] = 1;
        byte[] journal = [.. JournalCodec.WriteHeader(s_sender, s_id), .. JournalCodec.WriteAccepted(JournalCodec.HeaderSize, digest)];
        Assert.True(JournalCodec.TryRead(journal, s_sender, s_id, out var state));
        Assert.Equal(UInt128.One, state.Digest);
    }

    private static byte[] Journal(out List<long> ends)
    {
        var bytes = new List<byte>(JournalCodec.WriteHeader(s_sender, s_id));
        ends = [bytes.Count];
        bytes.AddRange(JournalCodec.WriteAccepted(bytes.Count, new byte[32]));
        ends.Add(bytes.Count);
        for (int i = 1; i <= 4; i++)
        {
            bytes.AddRange(JournalCodec.WriteReceived(bytes.Count, i * 1_000));
            ends.Add(bytes.Count);
        }

        return [.. bytes];
    }
}
