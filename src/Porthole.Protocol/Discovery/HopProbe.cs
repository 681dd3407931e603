using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Discovery;

/// <summary>
/// Finds the smallest IP hop limit with which a packet opens every NAT in front of this host and yet does not arrive: what a peer sends to open its own NAT
/// toward another without that one's NAT ever seeing it.
/// </summary>
/// <remarks>
/// For each hop limit from 1 up a fresh socket sends a request with it to the server's last port, then asks the first port to answer from the last (RFC 5780
/// section 7.2): the answer comes in only if the short-lived packet opened the NAT's filter. A hop limit of 1 never leaves the host's own link; if that seems to
/// open the NAT, it lets in anybody from there, and nothing can be found. Once a short-lived packet itself is answered it has arrived: the search is over.
/// A part of a machine: its owner passes on its sockets' requests and events, their datagrams, its deadline, and drains it.
/// </remarks>
/// <param name="entropy">For ids.</param>
/// <param name="nextSocket">Numbers the next socket of the machine.</param>
public sealed class HopProbe(EntropySource entropy, Func<SocketId> nextSocket)
{
    /// <summary>The most hops that are tried: a home with a router behind another, and a carrier of five (its NAT stands at the edge).</summary>
    public const int MaxHops = 8;

    /// <summary>The most packets of one search: two for the control, then two tries of two each, since one packet in a hundred is lost.</summary>
    public const int MaxPackets = 2 + ((MaxHops - 1) * AttemptsPerHop * 2);

    /// <summary>The least time that an answer is waited for: a mobile network's round trip. Nothing waits for the result.</summary>
    public static readonly TimeSpan LeastWait = TimeSpan.FromMilliseconds(400);

    /// <summary>The longest, whatever round trip was measured.</summary>
    public static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(2);

    private const int AttemptsPerHop = 2;

    private readonly Queue<SocketRequest> _requests = [];
    private Search? _search;
    private int? _result;

    /// <summary>When to call <see cref="HandleDeadline"/>; null when nothing is to be waited for.</summary>
    public Instant? NextDeadline => _search?.EndsAt;

    /// <summary>Begins a search; one that runs is given up.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="local">The address to ask from; its port is not used.</param>
    /// <param name="servers">The server's STUN ports. The host of the first that can be reached is asked; it needs two.</param>
    /// <param name="credential">The credential; null for servers that ask for none.</param>
    /// <param name="roundTrip">What a round trip to the server takes.</param>
    /// <returns>Whether there is somebody to ask.</returns>
    public bool Start(Instant now, TransportAddress local, ImmutableArray<TransportAddress> servers, ShortTermCredential? credential, TimeSpan roundTrip)
    {
        Stop();
        var ports = ProbeMessage.Usable(servers).Where(server => ProbeMessage.CanReach(local, server)).ToArray();
        if (ports.Length == 0) return false;
        ports = [.. ports.Where(ports[0].SameHost)];
        if (ports.Length < 2) return false;
        var wait = roundTrip * 2;
        wait = wait < LeastWait ? LeastWait : wait > LongestWait ? LongestWait : wait;
        _search = new Search(local.WithPort(0), ports[0], ports[^1], credential, wait);
        OpenSocket(_search);
        return true;
    }

    /// <summary>Gives the search up; no result follows.</summary>
    public void Stop()
    {
        if (_search is { } search) Close(search);
        (_search, _result) = (null, null);
    }

    /// <summary>Takes the result of a search that has ended.</summary>
    /// <param name="hops">The hop limit; 0 when there is none that helps.</param>
    public bool TryTakeResult(out int hops)
    {
        hops = _result ?? 0;
        bool any = _result is not null;
        _result = null;
        return any;
    }

    /// <summary>Takes what became of a socket.</summary>
    /// <returns>Whether it was this probe's.</returns>
    public bool HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.Opened opened when _search?.Socket == opened.Socket:
                (_search.Bound, _search.Attempts) = (opened.Local, 0);
                Ask(now, _search);
                return true;
            case SocketEvent.Failed failed when _search?.Socket == failed.Socket:
                (_search, _result) = (null, 0);
                return true;
            default:
                return false;
        }
    }

    /// <summary>Takes a datagram.</summary>
    /// <returns>True when it came to this probe's socket.</returns>
    public bool HandleDatagram(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> datagram)
    {
        if (_search is not { } search || search.Socket != socket) return false;
        if (remote != search.Last || !StunReader.TryParse(datagram, out var message) || !ProbeMessage.IsAnswer(message)) return true;
        if (ProbeMessage.Judge(message, search.Credential, search.Bound, out _, out _) != ProbeVerdict.Mapped) return true;
        if (message.TransactionId == search.Opener) End(search, 0); // it has arrived, and with it all that come after
        else if (message.TransactionId == search.Question) search.IsOpened = true;
        return true;
    }

    /// <summary>Takes the passing of time; a call for nothing does nothing.</summary>
    public void HandleDeadline(Instant now)
    {
        if (_search is not { } search || !(search.EndsAt <= now)) return;
        if (search.IsOpened) End(search, search.Hops == 1 ? 0 : search.Hops);
        else if (search.Attempts < AttemptsPerHop && search.Hops > 1) Ask(now, search);
        else if (search.Hops == MaxHops) End(search, 0);
        else Next(search);
    }

    /// <summary>Writes the next request.</summary>
    /// <returns>False when none is due.</returns>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (_search is not { Due: > 0 } search || !writer.TryReserve(MaxRequest, out var segment)) return false;
        bool isOpener = search.Due == 2;
        search.Due--;
        writer.Begin(search.Socket, isOpener ? search.Last : search.First, isOpener ? search.Hops : 0);
        writer.Commit(WriteRequest(segment, isOpener ? search.Opener : search.Question, search.Credential, isFromOther: !isOpener));
        return true;
    }

    /// <summary>Takes the next request to the driver.</summary>
    public bool TryTakeRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    // Header, CHANGE-REQUEST (8), the longest user name, SHA-256 integrity (36), fingerprint (8).
    private const int MaxRequest = 20 + 8 + 4 + ShortTermCredential.MaxUsernameLength + 36 + 8;

    private static int WriteRequest(Span<byte> destination, TransactionId id, ShortTermCredential? credential, bool isFromOther)
    {
        var request = new StunWriter(destination, StunClass.Request, StunMethod.Binding, id);
        if (isFromOther) request.WriteUInt32(StunAttributeType.ChangeRequest, ChangeRequest.Port);
        if (credential is not null)
        {
            request.WriteBytes(StunAttributeType.Username, credential.UsernameBytes);
            request.WriteIntegritySha256(credential.Key);
        }

        request.WriteFingerprint();
        return request.Length;
    }

    private void OpenSocket(Search search)
    {
        (search.Socket, search.EndsAt, search.IsOpened) = (nextSocket(), null, false);
        _requests.Enqueue(new SocketRequest.UdpBind(search.Socket, search.Local) { IsTentative = true });
    }

    private void Ask(Instant now, Search search)
    {
        search.Attempts++;
        (search.Opener, search.Question, search.Due) = (TransactionId.Create(entropy), TransactionId.Create(entropy), 2);
        search.EndsAt = now + search.Wait;
    }

    private void Next(Search search)
    {
        Close(search);
        search.Hops++;
        OpenSocket(search);
    }

    private void End(Search search, int hops)
    {
        Close(search);
        (_search, _result) = (null, hops);
    }

    private void Close(Search search) => _requests.Enqueue(new SocketRequest.Close(search.Socket));

    /// <summary>A search that runs.</summary>
    private sealed class Search(TransportAddress local, TransportAddress first, TransportAddress last, ShortTermCredential? credential, TimeSpan wait)
    {
        public TransportAddress Local { get; } = local;

        public TransportAddress First { get; } = first;

        /// <summary>The port that answers come from if they are asked to, and that short-lived packets go to.</summary>
        public TransportAddress Last { get; } = last;

        public ShortTermCredential? Credential { get; } = credential;

        public TimeSpan Wait { get; } = wait;

        public int Hops { get; set; } = 1;

        public SocketId Socket { get; set; }

        public TransportAddress Bound { get; set; }

        public int Attempts { get; set; }

        public TransactionId Opener { get; set; }

        public TransactionId Question { get; set; }

        /// <summary>How many packets of this attempt are still to be written: the short-lived one goes first.</summary>
        public int Due { get; set; }

        /// <summary>Whether the answer came in that only an open NAT lets in.</summary>
        public bool IsOpened { get; set; }

        /// <summary>When this attempt is over; null while the socket is being opened.</summary>
        public Instant? EndsAt { get; set; }
    }
}
