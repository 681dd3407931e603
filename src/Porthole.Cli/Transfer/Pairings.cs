using System.Collections.Immutable;
using System.Globalization;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Transfer;

/// <summary>
/// The transfers by code that are not done yet, as a file beside the known peers that its owner alone may read. A line is: side, public part of the code, key of
/// the other side, own id, own private key or <c>-</c>, and when it is forgotten.
/// </summary>
internal sealed class Pairings
{
    /// <summary>How long a transfer can be gone on with: a week, so that a laptop that was shut on Friday goes on on Monday.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(7);

    /// <summary>How many transfers are kept in mind; beyond that the oldest is forgotten.</summary>
    public const int MaxEntries = 100;

    private const string Heading = "# Transfers by code that can be gone on with. Secret: it holds keys. Entries vanish when a transfer is done, and after a week.\n";
    private const string NoKey = "-";

    private readonly TrustFile<Pairing> _file;
    private readonly TimeProvider _clock;

    private Pairings(string path, TimeProvider clock) => (Location, _clock, _file) = (path, clock, new TrustFile<Pairing>(path, Heading, ParseLine, FormatLine));

    /// <summary>The file of a user's pairings.</summary>
    public static string DefaultPath => Path.Combine(PortholeDirectory.Default, "pairings");

    /// <summary>The file.</summary>
    public string Location { get; }

    /// <summary>Reads a file; one that does not exist is empty.</summary>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: it cannot be read, is damaged, or others may read it.</exception>
    public static Pairings Open(string path, TimeProvider? clock = null)
    {
        if (File.Exists(path) && OwnerFile.IsOpenToOthers(path))
        {
            throw new PeerException(PeerError.BadFile, $"The file {path} holds keys, and others may read it. If nobody did, run: chmod 600 {path}");
        }

        var pairings = new Pairings(path, clock ?? TimeProvider.System);
        pairings._file.Refresh();
        return pairings;
    }

    /// <summary>Whom this side met by a code.</summary>
    /// <returns>Null when nobody, or so long ago that it is forgotten.</returns>
    public Pairing? Find(TransferSide side, PairingCode code)
    {
        var now = _clock.GetUtcNow();
        return _file.Entries.FirstOrDefault(entry => entry.Side == side && entry.Code == code.PublicPart && entry.Until > now);
    }

    /// <summary>Keeps a pairing in mind; what was met by the same code before is replaced, and what is too old goes.</summary>
    /// <returns>What was written.</returns>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: the file cannot be written.</exception>
    public Pairing Remember(TransferSide side, PairingCode code, PublicKey peer, PeerId self, IdentityKey? key)
    {
        var now = _clock.GetUtcNow();
        var entry = new Pairing(side, code.PublicPart, peer, self, key?.ExportScalar(), now + Lifetime);
        _file.Update(entries =>
        {
            ImmutableArray<Pairing> kept = [.. entries.Where(other => other.Until > now && (other.Side, other.Code) != (entry.Side, entry.Code)), entry];
            return kept.Length <= MaxEntries ? kept : kept[^MaxEntries..];
        });
        return entry;
    }

    /// <summary>Forgets a pairing: its transfer is done.</summary>
    /// <exception cref="PeerException"><see cref="PeerError.BadFile"/>: the file cannot be written.</exception>
    public void Forget(Pairing pairing) => _file.Update(entries =>
    {
        var rest = entries.RemoveAll(other => other.Side == pairing.Side && other.Code == pairing.Code && other.Self == pairing.Self);
        return rest.Length == entries.Length ? entries : rest;
    });

    private static Pairing? ParseLine(string line)
    {
        if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is not [var sideText, var code, var peerText, var selfText, var keyText, var untilText]) return null;
        TransferSide? side = sideText switch
        {
            "send" => TransferSide.Send,
            "receive" => TransferSide.Receive,
            _ => null,
        };
        if (side is null || !PairingCode.IsPublicPart(code)) return null;
        if (!ServerAddress.TryParseKey(peerText, out var peer) || !PeerId.TryParse(selfText, out var self)) return null;
        if (!DateTimeOffset.TryParse(untilText, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var until)) return null;
        byte[]? key = null;
        if (keyText != NoKey)
        {
            key = new byte[IdentityKey.ScalarSize];
            if (!Convert.TryFromBase64String(keyText, key, out int length) || length != key.Length) return null;
            if (!IdentityKey.TryImport(key, out var identity)) return null;
            using (identity)
            {
                if (identity.PeerId != self) return null;
            }
        }

        return new Pairing(side.Value, code, peer, self, key, until);
    }

    private static string FormatLine(Pairing pairing) => string.Create(
        CultureInfo.InvariantCulture,
        $"{(pairing.Side == TransferSide.Send ? "send" : "receive")} {pairing.Code} {ServerAddress.FormatKey(pairing.Peer)} {pairing.Self} {(pairing.Key is { } key ? Convert.ToBase64String(key) : NoKey)} {pairing.Until.UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}");
}
