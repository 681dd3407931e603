namespace Porthole.Protocol.PortMapping;

/// <summary>PCP or NAT-PMP with one gateway: questions that are repeated until they are answered.</summary>
/// <param name="codec">Which.</param>
/// <param name="socket">The socket to ask from, bound to <paramref name="local"/>.</param>
/// <param name="local">The host's address.</param>
/// <param name="gateway">The gateway's, with port 0.</param>
internal sealed class DatagramProtocol(GatewayCodec codec, SocketId socket, TransportAddress local, TransportAddress gateway) : MappingProtocol(codec.Protocol)
{
    /// <summary>The first wait for an answer, doubled with each attempt (RFC 6886 section 3.1). PCP would wait 3 s (RFC 6887 section 8.1.1); the gateway is the same, a hop away.</summary>
    public static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);

    /// <summary>How often the first question is asked, 3.75 s in all: most gateways speak neither protocol, and stay silent. RFC 6886 allows nine attempts.</summary>
    public const int ProbeAttempts = 4;

    /// <summary>How often a gateway is asked that has answered before: 7.75 s in all.</summary>
    public const int Attempts = 5;

    private readonly List<Question> _questions = [];
    private readonly TransportAddress _server = gateway.WithPort(GatewayCodec.ServerPort);
    private (uint Epoch, Instant At)? _epoch;
    private TransportAddress _address;

    public override Instant? NextDeadline
    {
        get
        {
            Instant? next = null;
            foreach (var question in _questions) next = Instant.Earlier(next, question.NextAt);
            return next;
        }
    }

    public override void Begin(Instant now)
    {
        _questions.Clear();
        Restart();
        _epoch = null;
        Ask(now, null, ProbeAttempts);
    }

    public override void Map(Instant now, MappingEntry entry)
    {
        _questions.RemoveAll(question => question.Entry == entry);
        Ask(now, entry, Attempts);
    }

    public override void Unmap(Instant now, MappingEntry entry)
    {
        _questions.RemoveAll(question => question.Entry == entry);
        _questions.Add(new Question(entry, attempts: 1, isRemoval: true) { NextAt = now });
    }

    public override void Check(Instant now)
    {
        if (!_questions.Exists(static question => question.Entry is null)) Ask(now, null, Attempts);
    }

    public override void Abandon() => _questions.RemoveAll(static question => !question.IsRemoval); // what was given back has still to be said

    public override void HandleDeadline(Instant now)
    {
        for (int i = _questions.Count - 1; i >= 0; i--)
        {
            var question = _questions[i];
            if (question.NextAt > now || question.Left > 0) continue;
            _questions.RemoveAt(i);
            if (question.Entry is { } entry) Results.Enqueue(new MappingResult.Denied(entry, "no answer"));
            else if (State == ProtocolState.Asking) Fail("no answer");
        }
    }

    public override void HandleDatagram(Instant now, TransportAddress remote, ReadOnlySpan<byte> datagram)
    {
        if (remote != _server || !codec.TryRead(datagram, out var reply)) return;
        if (reply.Kind == GatewayReplyKind.WrongVersion)
        {
            if (State != ProtocolState.Asking) return;
            WasAnswered = true;
            _questions.Clear();
            Fail("not spoken");
            return;
        }

        int index = _questions.FindIndex(question => question.IsAnsweredBy(reply));
        if (index < 0) return; // nobody asked, or it comes late
        var answered = _questions[index];
        _questions.RemoveAt(index);
        WasAnswered = true;
        NoteEpoch(now, reply.Epoch);
        if (answered.Entry is { } entry) HandleMapped(now, entry, reply);
        else HandleProbed(reply);
    }

    public override bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        for (int i = 0; i < _questions.Count; i++)
        {
            var question = _questions[i];
            if (question.NextAt > now || question.Left == 0) continue;
            writer.Begin(socket, _server);
            if (!writer.TryReserve(GatewayCodec.MaxRequest, out var request)) return false;
            writer.Commit(question.Entry is { } entry
                ? codec.WriteMap(request, entry, question.IsRemoval ? 0 : (uint)PortMappingLimits.Lease.TotalSeconds)
                : codec.WriteProbe(request, local));
            question.CountAttempt(now);
            if (question.IsRemoval) _questions.RemoveAt(i);
            return true;
        }

        return false;
    }

    private void Ask(Instant now, MappingEntry? entry, int attempts) => _questions.Add(new Question(entry, attempts, isRemoval: false) { NextAt = now });

    private void HandleProbed(in GatewayReply reply)
    {
        if (reply.IsSuccess)
        {
            if (!reply.External.IsUnspecified) _address = reply.External.Host;
            Succeed();
        }
        else if (State == ProtocolState.Asking)
        {
            Fail(codec.Explain(reply.Result));
        }
    }

    private void HandleMapped(Instant now, MappingEntry entry, in GatewayReply reply)
    {
        if (!reply.IsSuccess)
        {
            Results.Enqueue(new MappingResult.Denied(entry, codec.Explain(reply.Result)));
            return;
        }

        // NAT-PMP tells the address once and the port with each mapping.
        var external = reply.External.IsUnspecified && _address != default ? _address.WithPort(reply.External.Port) : reply.External;
        Results.Enqueue(new MappingResult.Granted(entry, external, TimeSpan.FromSeconds(reply.Lifetime)));
    }

    private void NoteEpoch(Instant now, uint epoch)
    {
        bool isLost = _epoch is var (before, at) && codec.IsStateLost(before, epoch, now - at);
        _epoch = (epoch, now);
        if (isLost) Results.Enqueue(new MappingResult.StateLost());
    }

    /// <summary>A request until it is answered or given up.</summary>
    private sealed class Question(MappingEntry? entry, int attempts, bool isRemoval)
    {
        private TimeSpan _pause = FirstPause;

        /// <summary>The mapping that is asked for; null for the question that changes nothing.</summary>
        public MappingEntry? Entry { get; } = entry;

        public bool IsRemoval { get; } = isRemoval;

        /// <summary>How many more attempts there are.</summary>
        public int Left { get; private set; } = attempts;

        public Instant NextAt { get; set; }

        public void CountAttempt(Instant now)
        {
            (Left, NextAt) = (Left - 1, now + _pause);
            _pause *= 2;
        }

        public bool IsAnsweredBy(in GatewayReply reply)
        {
            if (IsRemoval || Entry is not { } entry) return Entry is null && reply.Kind == GatewayReplyKind.Probe;
            if (reply.Kind != GatewayReplyKind.Map || reply.Transport != entry.Transport) return false;
            bool isSame = reply.InternalPort == entry.Local.Port && (reply.Nonce is null || reply.Nonce == entry.Nonce);
            return isSame || reply is { IsSuccess: false, InternalPort: 0, Nonce: null }; // a short refusal of NAT-PMP
        }
    }
}
