using Porthole.Identity;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;

namespace Porthole.Cli.Transfer;

/// <summary>
/// A transfer by code. At first the two sides meet by the code, which that burns; from then on each has the other's key pinned, calls it by its id and lets nobody
/// else in. Unless the command line names an identity, each side has one of its own for this code alone: nothing ties two transfers to one another, both sides may
/// be one user on one machine, and of several transfers at once none can be taken for another.
/// </summary>
internal sealed class CodeLink : IDisposable
{
    private readonly TransferSide _side;
    private readonly PairingCode _code;
    private readonly Pairings _pairings;
    private readonly IdentityKey? _key;

    private CodeLink(TransferSide side, PairingCode code, Pairings pairings, Pairing? pairing, IdentityKey? key, PeerOptions options) =>
        (_side, _code, _pairings, Pairing, _key, Options) = (side, code, pairings, pairing, key, options);

    /// <summary>How the peer is to be started.</summary>
    public PeerOptions Options { get; }

    /// <summary>Whom the code has led to; null while nobody was met.</summary>
    public Pairing? Pairing { get; private set; }

    /// <summary>Looks up what is known of a code.</summary>
    /// <param name="side">Which side this one is.</param>
    /// <param name="code">The code.</param>
    /// <param name="pairings">Transfers that are not done yet.</param>
    /// <param name="options">What the command line says about the peer.</param>
    /// <param name="namesIdentity">Whether it says whose key to use.</param>
    /// <exception cref="PeerException">The transfer was begun under another identity.</exception>
    public static CodeLink Open(TransferSide side, PairingCode code, Pairings pairings, PeerOptions options, bool namesIdentity)
    {
        var pairing = pairings.Find(side, code);
        if (pairing is not null && namesIdentity != pairing.Key is null) throw OtherIdentity();
        IdentityKey? key = null;
        if (pairing is { Key: { } scalar }) _ = IdentityKey.TryImport(scalar, out key); // the store has looked at it
        else if (!namesIdentity) key = IdentityKey.Generate(OperatingSystemEntropy.Instance);
        var known = KnownPeers.InMemory(); // a code introduces somebody for one transfer, not for ever
        if (pairing is not null) known.Trust(new KnownPeer(default, null, pairing.Peer, DateTimeOffset.UtcNow));
        return new CodeLink(side, code, pairings, pairing, key, options with
        {
            Identity = key,
            IdentityPath = key is null ? options.IdentityPath : null,
            KnownPeers = known,
            Accept = side == TransferSide.Receive ? AcceptPolicy.Known : AcceptPolicy.Nobody,
            Allowed = pairing is null ? [] : [pairing.Peer.PeerId],
        });
    }

    /// <summary>Compares a started peer with the one that began the transfer.</summary>
    /// <exception cref="PeerException">It is another.</exception>
    public void Check(PeerNode node)
    {
        if (Pairing is { } pairing && pairing.Self != node.Id) throw OtherIdentity();
    }

    /// <summary>Meets the other side, and pins its key.</summary>
    /// <exception cref="PeerException">Nobody came, the code is wrong or used up, and so on.</exception>
    public async Task<PeerConnection> MeetAsync(PeerNode node, CancellationToken cancellationToken)
    {
        var connection = await node.MeetAsync(_code, cancellationToken).ConfigureAwait(false);
        Pairing = _pairings.Remember(_side, _code, connection.RemoteKey, node.Id, _key);
        if (_side == TransferSide.Receive) await node.AllowAsync(connection.RemotePeerId, cancellationToken).ConfigureAwait(false);
        return connection;
    }

    /// <summary>The transfer is done: nothing is left to be gone on with.</summary>
    public void Forget()
    {
        if (Pairing is { } pairing) _pairings.Forget(pairing);
    }

    public void Dispose() => _key?.Dispose();

    private static PeerException OtherIdentity() =>
        new(PeerError.BadRequest, "The transfer with this code was begun under another identity. Give the same --as and --identity as then, or make a new code.");
}
