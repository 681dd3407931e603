namespace Porthole.Protocol.PortMapping;

/// <summary>
/// What one host address has with its gateway: finds out which protocols the gateway speaks, all at once and without changing anything there, has ports mapped by
/// the best, keeps them alive and gives them back.
/// </summary>
internal sealed class GatewayClient
{
    private readonly List<MappingEntry> _entries = [];
    private readonly MappingProtocol[] _protocols;
    private readonly Queue<PortMapperEvent> _events;
    private readonly EntropySource _entropy;
    private MappingProtocol? _chosen;
    private Phase _phase;
    private Instant? _chooseBy;
    private Instant? _checkAt;
    private Instant? _restUntil;
    private Instant _recoverAt;

    /// <summary>Sets up; the socket is asked for.</summary>
    /// <param name="local">The host's address, with port 0.</param>
    /// <param name="gateway">The gateway's.</param>
    /// <param name="requests">Where requests to the driver go.</param>
    /// <param name="events">Where events go.</param>
    /// <param name="nextSocket">Numbers sockets.</param>
    /// <param name="entropy">For the numbers of mappings.</param>
    public GatewayClient(
        TransportAddress local,
        TransportAddress gateway,
        Queue<SocketRequest> requests,
        Queue<PortMapperEvent> events,
        Func<SocketId> nextSocket,
        EntropySource entropy)
    {
        (Local, Gateway, Socket, _events, _entropy) = (local, gateway, nextSocket(), events, entropy);
        var pcp = new DatagramProtocol(PcpCodec.Instance, Socket, local, gateway);

        // Of IPv6 only PCP knows anything.
        _protocols = local.IsIPv6
            ? [pcp]
            : [pcp, new DatagramProtocol(NatPmpCodec.Instance, Socket, local, gateway), new UpnpProtocol(Socket, local, gateway, requests, nextSocket, entropy)];
        requests.Enqueue(new SocketRequest.UdpBind(Socket, local) { IsMulticast = !local.IsIPv6 });
    }

    private enum Phase
    {
        /// <summary>The socket is not open yet.</summary>
        Opening,

        /// <summary>It is not known yet which protocol to use.</summary>
        Choosing,

        /// <summary>Ports are asked for, or mapped.</summary>
        Working,

        /// <summary>Nothing came of it; it is tried again later.</summary>
        Resting,

        /// <summary>What was mapped is being given back.</summary>
        Closing,
    }

    public TransportAddress Local { get; }

    public TransportAddress Gateway { get; }

    public SocketId Socket { get; }

    public IEnumerable<MappedPort> Mappings => _entries.Select(static entry => entry.Held).OfType<MappedPort>();

    /// <summary>Whether it is not known yet what the gateway has to say.</summary>
    public bool IsAsking => _phase == Phase.Choosing || (_phase == Phase.Working && !_entries.Exists(static entry => entry.Held is not null));

    public Instant? NextDeadline
    {
        get
        {
            if (_phase is Phase.Opening or Phase.Closing) return null;
            if (_phase == Phase.Resting) return _restUntil;
            var next = Instant.Earlier(_chooseBy, _checkAt);
            foreach (var protocol in _protocols) next = Instant.Earlier(next, protocol.NextDeadline);
            foreach (var entry in _entries) next = Instant.Earlier(next, entry.NextDeadline);
            return next;
        }
    }

    /// <summary>Takes the ports that are wanted now.</summary>
    public void SetWishes(Instant now, IReadOnlyList<PortWish> wishes)
    {
        for (int i = _entries.Count - 1; i >= 0; i--)
        {
            var entry = _entries[i];
            if (wishes.Contains(new PortWish(entry.Local, entry.Transport))) continue;
            GiveBack(now, entry);
            _entries.RemoveAt(i);
        }

        foreach (var wish in wishes)
        {
            if (_entries.Count == PortMappingLimits.MaxMappings) break;
            if (_entries.Exists(entry => entry.Local == wish.Local && entry.Transport == wish.Transport)) continue;
            var nonce = new MappingNonce(_entropy.NextUInt64(), _entropy.NextUInt32());
            _entries.Add(new MappingEntry(wish.Local, wish.Transport, nonce) { AskAt = _phase == Phase.Working ? now : null });
        }

        Pump(now);
    }

    /// <summary>The network has changed, and this address and gateway are still there.</summary>
    public void HandleNetworkChanged(Instant now)
    {
        if (_phase == Phase.Working) _chosen!.Check(now);
        else if (_phase == Phase.Resting) Begin(now);
        Pump(now);
    }

    /// <summary>Gives everything back. The last datagrams are to be written, and then the socket closed.</summary>
    public void Close(Instant now)
    {
        foreach (var protocol in _protocols)
        {
            if (protocol != _chosen) protocol.Abandon();
        }

        foreach (var entry in _entries) GiveBack(now, entry);
        _entries.Clear();
        _phase = Phase.Closing;
    }

    public void HandleOpened(Instant now)
    {
        if (_phase == Phase.Opening) Begin(now);
    }

    public void HandleDatagram(Instant now, TransportAddress remote, ReadOnlySpan<byte> datagram)
    {
        if (_phase is not (Phase.Choosing or Phase.Working)) return;
        foreach (var protocol in _protocols) protocol.HandleDatagram(now, remote, datagram);
        Pump(now);
    }

    public bool HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        foreach (var protocol in _protocols)
        {
            if (!protocol.HandleSocketEvent(now, socketEvent)) continue;
            Pump(now);
            return true;
        }

        return false;
    }

    public void HandleDeadline(Instant now)
    {
        if (_phase == Phase.Resting && _restUntil <= now) Begin(now);
        if (_phase is not (Phase.Choosing or Phase.Working)) return;
        foreach (var protocol in _protocols) protocol.HandleDeadline(now);
        if (_checkAt <= now && _chosen is { } chosen)
        {
            _checkAt = now + chosen.CheckPeriod;
            chosen.Check(now);
        }

        Pump(now);
        foreach (var entry in _entries)
        {
            if (!(entry.ExpiresAt <= now) || entry.Held is not { } gone) continue;
            (entry.Held, entry.ExpiresAt) = (null, null);
            _events.Enqueue(new PortMapperEvent.Lost(gone));
            if (_phase == Phase.Working && !_entries.Exists(static other => other.Held is not null)) Rest(now, PortMappingLimits.LossPause);
        }
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (_phase == Phase.Opening) return false;
        foreach (var protocol in _protocols)
        {
            if (protocol.TryWrite(now, ref writer)) return true;
        }

        return false;
    }

    private void Begin(Instant now)
    {
        (_phase, _chosen, _chooseBy, _checkAt, _restUntil) = (Phase.Choosing, null, null, null, null);
        foreach (var protocol in _protocols)
        {
            protocol.Results.Clear();
            protocol.Begin(now);
        }
    }

    private void Rest(Instant now, TimeSpan pause)
    {
        (_phase, _chosen, _chooseBy, _checkAt, _restUntil) = (Phase.Resting, null, null, null, now + pause);
        foreach (var protocol in _protocols) protocol.Abandon();
        foreach (var entry in _entries) (entry.IsAsked, entry.AskAt) = (false, null);
    }

    private void Pump(Instant now)
    {
        Choose(now);
        while (_phase == Phase.Working && _chosen!.Results.TryDequeue(out var result))
        {
            Take(now, _chosen, result);
            Choose(now);
        }

        if (_phase != Phase.Working) return;
        foreach (var entry in _entries)
        {
            if (!(entry.AskAt <= now)) continue;
            (entry.AskAt, entry.IsAsked) = (null, true);
            _chosen!.Map(now, entry);
        }
    }

    /// <summary>Takes the best protocol that works, as soon as it is known that no better one does, or has had its time.</summary>
    private void Choose(Instant now)
    {
        if (_phase != Phase.Choosing) return;
        bool mayBetterCome = false;
        foreach (var protocol in _protocols)
        {
            if (protocol.State == ProtocolState.Asking) mayBetterCome = true;
            if (protocol.State != ProtocolState.Works) continue;
            if (mayBetterCome && !(_chooseBy <= now))
            {
                _chooseBy ??= now + PortMappingLimits.PcpHeadStart;
                return;
            }

            (_phase, _chosen, _chooseBy, _checkAt) = (Phase.Working, protocol, null, now + protocol.CheckPeriod);
            foreach (var entry in _entries) entry.AskAt = now;
            return;
        }

        if (mayBetterCome) return;
        _events.Enqueue(new PortMapperEvent.Failed(Explain(), WasAnswered));
        Rest(now, PortMappingLimits.RetryPeriod);
    }

    private void Take(Instant now, MappingProtocol protocol, MappingResult result)
    {
        switch (result)
        {
            case MappingResult.Granted granted:
                TakeGranted(now, protocol, granted);
                break;
            case MappingResult.Denied denied:
                TakeDenied(now, protocol, denied.Entry, denied.Line);
                break;
            case MappingResult.StateLost when now >= _recoverAt:
                _recoverAt = now + PortMappingLimits.RecoveryPause;
                foreach (var entry in _entries)
                {
                    if (!entry.IsAsked) entry.AskAt = now;
                }

                break;
        }
    }

    private void TakeGranted(Instant now, MappingProtocol protocol, MappingResult.Granted granted)
    {
        var entry = granted.Entry;
        if (!_entries.Contains(entry)) return;
        var lease = granted.Lease < PortMappingLimits.Lease ? granted.Lease : PortMappingLimits.Lease;
        var mapping = new MappedPort(entry.Local, entry.Transport, granted.External, lease, protocol.Kind, Gateway);
        if (granted.External.Port < PortMappingLimits.LowestPort || lease < PortMappingLimits.ShortestLease)
        {
            entry.Held ??= mapping; // so that it is known what to give back
            GiveBack(now, entry, isTold: entry.Held != mapping);
            string port = granted.External.Port.ToString(System.Globalization.CultureInfo.InvariantCulture);
            TakeDenied(now, protocol, entry, lease < PortMappingLimits.ShortestLease ? "it maps for less than a minute" : $"it maps port {port}, which is a service's");
            return;
        }

        bool isNew = entry.Held is not { } before || before with { Lease = lease } != mapping;
        (entry.Held, entry.IsAsked, entry.AskAt, entry.ExpiresAt) = (mapping, false, now + lease / 2, now + lease);
        foreach (var other in _protocols)
        {
            if (other == protocol) continue;
            other.Abandon();
            if (other.State == ProtocolState.Asking) other.Fail("not asked to the end");
        }

        if (isNew) _events.Enqueue(new PortMapperEvent.Mapped(mapping));
    }

    private void TakeDenied(Instant now, MappingProtocol protocol, MappingEntry entry, string line)
    {
        entry.IsAsked = false;
        if (!_entries.Contains(entry)) return;
        if (entry is { Held: not null, ExpiresAt: { } expires })
        {
            // It lives until then; asked for again at half of what is left (RFC 6887 section 11.2.1).
            entry.AskAt = now + Longer(PortMappingLimits.ShortestPause, (expires - now) / 2);
            return;
        }

        if (_entries.Exists(static other => other.Held is not null))
        {
            entry.AskAt = now + PortMappingLimits.RetryPeriod;
            _events.Enqueue(new PortMapperEvent.Failed($"{Gateway.Address} maps no {entry.Transport.ToString().ToUpperInvariant()} port: {MappedPort.Name(protocol.Kind)}: {line}.", WasAnswered: true));
            return;
        }

        if (_entries.Exists(static other => other.IsAsked)) return; // another may be granted
        protocol.Fail(line);
        protocol.Abandon();
        (_phase, _chosen, _checkAt) = (Phase.Choosing, null, null);
        foreach (var other in _entries) other.AskAt = null; // whoever is chosen is asked for all of them
    }

    /// <summary>Takes a mapping back, if there is one or may be one.</summary>
    private void GiveBack(Instant now, MappingEntry entry, bool isTold = true)
    {
        if (entry.Held is not null || entry.IsAsked) _chosen?.Unmap(now, entry);
        if (entry.Held is { } held && isTold) _events.Enqueue(new PortMapperEvent.Lost(held));
        (entry.Held, entry.IsAsked, entry.AskAt, entry.ExpiresAt) = (null, false, null, null);
    }

    private bool WasAnswered => Array.Exists(_protocols, static protocol => protocol.WasAnswered);

    private string Explain()
    {
        string what = WasAnswered
            ? string.Join("; ", _protocols.Select(static protocol => $"{MappedPort.Name(protocol.Kind)}: {protocol.Problem}"))
            : "it does not answer";
        return $"{Gateway.Address} maps no ports: {what}.";
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}
