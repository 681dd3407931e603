using Porthole.Cli.Transfer;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.NetworkTests.Transfer;

public sealed class PairingsTests : IDisposable
{
    private static readonly PairingCode s_code = PairingCode.Create(OperatingSystemEntropy.Instance);

    private readonly string _folder = Directory.CreateTempSubdirectory("porthole-pairings").FullName;
    private readonly IdentityKey _own = IdentityKey.Generate(OperatingSystemEntropy.Instance);
    private readonly IdentityKey _other = IdentityKey.Generate(OperatingSystemEntropy.Instance);
    private readonly SettableClock _clock = new();

    private string Location => Path.Combine(_folder, "pairings");

    public void Dispose()
    {
        _own.Dispose();
        _other.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public void A_pairing_is_found_by_the_next_process_with_its_key()
    {
        Assert.Null(Pairings.Open(Location).Find(TransferSide.Send, s_code));
        Pairings.Open(Location).Remember(TransferSide.Send, s_code, _other.PublicKey, _own.PeerId, _own);
        var found = Pairings.Open(Location).Find(TransferSide.Send, s_code);
        Assert.NotNull(found);
        Assert.Equal((_other.PublicKey, _own.PeerId), (found.Peer, found.Self));
        Assert.Equal(_own.ExportScalar(), found.Key!);
        Assert.Null(Pairings.Open(Location).Find(TransferSide.Receive, s_code)); // the other side, on the same machine
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Location));
    }

    [Fact]
    public void A_named_identity_is_not_copied()
    {
        Pairings.Open(Location).Remember(TransferSide.Receive, s_code, _other.PublicKey, _own.PeerId, null);
        Assert.Null(Pairings.Open(Location).Find(TransferSide.Receive, s_code)!.Key);
        Assert.DoesNotContain(Convert.ToBase64String(_own.ExportScalar()), File.ReadAllText(Location), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pairing_is_forgotten_when_its_transfer_is_done()
    {
        var pairings = Pairings.Open(Location);
        pairings.Forget(pairings.Remember(TransferSide.Send, s_code, _other.PublicKey, _own.PeerId, _own));
        Assert.Null(Pairings.Open(Location).Find(TransferSide.Send, s_code));
        Assert.DoesNotContain(Convert.ToBase64String(_own.ExportScalar()), File.ReadAllText(Location), StringComparison.Ordinal);
    }

    [Fact]
    public void A_pairing_is_forgotten_after_its_lifetime()
    {
        Pairings.Open(Location, _clock).Remember(TransferSide.Send, s_code, _other.PublicKey, _own.PeerId, _own);
        _clock.Now += Pairings.Lifetime - TimeSpan.FromSeconds(2); // the file knows whole seconds
        Assert.NotNull(Pairings.Open(Location, _clock).Find(TransferSide.Send, s_code));
        _clock.Now += TimeSpan.FromSeconds(2);
        Assert.Null(Pairings.Open(Location, _clock).Find(TransferSide.Send, s_code));
        var other = PairingCode.Create(OperatingSystemEntropy.Instance);
        Pairings.Open(Location, _clock).Remember(TransferSide.Send, other, _other.PublicKey, _own.PeerId, null);
        Assert.Single(File.ReadAllLines(Location), static line => !line.StartsWith('#')); // the old line went
    }

    [Fact]
    public void The_newest_hundred_are_kept()
    {
        var pairings = Pairings.Open(Location);
        PairingCode[] codes = [.. Enumerable.Range(0, Pairings.MaxEntries + 1).Select(static _ => PairingCode.Create(OperatingSystemEntropy.Instance)).DistinctBy(static code => code.PublicPart)];
        foreach (var code in codes) pairings.Remember(TransferSide.Send, code, _other.PublicKey, _own.PeerId, null);
        Assert.Equal(Math.Min(codes.Length, Pairings.MaxEntries), codes.Count(code => pairings.Find(TransferSide.Send, code) is not null));
        Assert.NotNull(pairings.Find(TransferSide.Send, codes[^1]));
    }

    [Fact]
    public void A_damaged_file_is_complained_about_in_one_line()
    {
        Pairings.Open(Location).Remember(TransferSide.Send, s_code, _other.PublicKey, _own.PeerId, _own);
        string good = File.ReadAllText(Location);
        var random = new Random(7);
        for (int i = 0; i < 300; i++)
        {
            char[] bad = good.ToCharArray();
            bad[random.Next(bad.Length)] = (char)random.Next(1, 256);
            File.WriteAllText(Location, new string(bad));
            try
            {
                Pairings.Open(Location);
            }
            catch (PeerException exception)
            {
                Assert.Equal(PeerError.BadFile, exception.Error);
                Assert.DoesNotContain('\n', exception.Message);
            }
        }
    }

    [Fact]
    public void A_file_that_others_may_read_is_refused()
    {
        if (OperatingSystem.IsWindows()) return;
        Pairings.Open(Location).Remember(TransferSide.Send, s_code, _other.PublicKey, _own.PeerId, _own);
        File.SetUnixFileMode(Location, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.OtherRead);
        Assert.Equal(PeerError.BadFile, Assert.Throws<PeerException>(() => Pairings.Open(Location)).Error);
    }

    private sealed class SettableClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
