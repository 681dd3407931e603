using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Peer;

/// <summary>What is found out at leisure, from sockets of its own, once the first report is there: how far the NATs reach, and how long they remember.</summary>
internal sealed class BackgroundProbes(EntropySource entropy, Func<SocketId> nextSocket)
{
    private readonly HopProbe _hops = new(entropy, nextSocket);
    private readonly LifetimeKeeper _lifetimes = new(entropy, nextSocket);
    private ImmutableArray<TransportAddress> _servers = [];
    private ShortTermCredential? _credential;
    private bool _hasSoughtHops;
    private bool _isNews;

    /// <summary>The hop limit that opens the outermost NAT; 0 while it was not found.</summary>
    public int OuterHops { get; private set; }

    /// <summary>The longest silence that a mapping was seen to survive on this network; null while it was not measured.</summary>
    public TimeSpan? Lifetime => _lifetimes.Lifetime;

    public Instant? NextDeadline => Instant.Earlier(_hops.NextDeadline, _lifetimes.NextDeadline);

    public void SetServers(ImmutableArray<TransportAddress> servers, ShortTermCredential credential)
    {
        (_servers, _credential) = (servers, credential);
        _lifetimes.SetCredential(credential);
    }

    /// <summary>Takes the newest findings about the network: what is not known of it yet is sought.</summary>
    public void HandleReport(Instant now, NatReport report)
    {
        _lifetimes.HandleReport(now, report);

        // Where the NATs filter by port alone a packet that ends outside of them may be needed.
        if (_hasSoughtHops || !report.IsComplete || report.Filtering is not (NatFiltering.AddressAndPortDependent or NatFiltering.Unknown)) return;
        if (report.Mappings.FirstOrDefault(static mapping => mapping is { IsTranslated: true, Local.IsIPv6: false }) is not { } way) return;
        _hasSoughtHops = true;
        _hops.Start(now, way.Local, _servers, _credential, way.RoundTripTime ?? TimeSpan.Zero);
    }

    /// <summary>Another network: the reach of the NATs is another. What the lifetime was on this one is looked up with the next report.</summary>
    public void HandleNetworkChanged()
    {
        (_hasSoughtHops, OuterHops) = (false, 0);
        _hops.Stop();
    }

    /// <summary>Asks nothing any more.</summary>
    public void Stop()
    {
        _hops.Stop();
        _lifetimes.Forget();
    }

    /// <summary>Takes what became of a socket.</summary>
    /// <returns>Whether it is one of these.</returns>
    public bool HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (_hops.HandleSocketEvent(now, socketEvent)) return true;
        SocketId? socket = socketEvent switch
        {
            SocketEvent.Opened opened => opened.Socket,
            SocketEvent.Failed failed => failed.Socket,
            _ => null,
        };
        if (socket is not { } one || !_lifetimes.Probe.Owns(one)) return false;
        _lifetimes.Probe.HandleSocketEvent(now, socketEvent);
        return true;
    }

    /// <summary>Takes a STUN message.</summary>
    /// <returns>Whether it is for one of these.</returns>
    public bool HandleStun(Instant now, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> message) =>
        _lifetimes.Probe.HandleDatagram(now, socket, remote, message) || _hops.HandleDatagram(now, socket, remote, message);

    public void HandleDeadline(Instant now)
    {
        _isNews |= _lifetimes.HandleDeadline(now);
        _hops.HandleDeadline(now);
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => _lifetimes.Probe.TryWrite(now, ref writer) || _hops.TryWrite(now, ref writer);

    public bool TryTakeRequest([NotNullWhen(true)] out SocketRequest? request) => _lifetimes.Probe.TryTakeSocketRequest(out request) || _hops.TryTakeRequest(out request);

    /// <summary>Whether something was found out since the last call.</summary>
    public bool TryTakeNews()
    {
        if (_hops.TryTakeResult(out int hops) && hops > 0) (OuterHops, _isNews) = (hops, true);
        bool isNews = _isNews;
        _isNews = false;
        return isNews;
    }
}
