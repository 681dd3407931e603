using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Peer;

/// <summary>Has the lifetime of mappings measured in the background: once a day for each network, some time after the peer has come online.</summary>
internal sealed class LifetimeKeeper(EntropySource entropy, Func<SocketId> nextSocket)
{
    /// <summary>How long a peer must have been online: who comes for one file needs no keepalive.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    /// <summary>How long a finding is good: NATs change with their firmware, not with the hour.</summary>
    public static readonly TimeSpan GoodFor = TimeSpan.FromDays(1);

    /// <summary>How many networks are remembered: home, office, phone and some cafés.</summary>
    public const int MaxNetworks = 16;

    private readonly List<Network> _networks = [];
    private (TransportAddress Local, TransportAddress Mapped) _present;
    private TransportAddress _local;
    private TransportAddress _server;
    private ShortTermCredential? _credential;
    private Instant? _startAt;

    /// <summary>The measurement.</summary>
    public LifetimeProbe Probe { get; } = new(entropy, nextSocket);

    public Instant? NextDeadline => Instant.Earlier(_startAt, Probe.NextDeadline);

    /// <summary>What is known of the present network; null when it was not measured.</summary>
    public TimeSpan? Lifetime => _networks.Find(network => network.Key == _present) is { } known ? known.Lifetime : null;

    public void SetCredential(ShortTermCredential? credential)
    {
        _credential = credential;
        Probe.SetCredential(credential);
    }

    /// <summary>Takes the newest findings: another network is measured anew.</summary>
    public void HandleReport(Instant now, NatReport report)
    {
        if (FindTranslated(report) is not { } main)
        {
            Forget();
            return;
        }

        var key = (main.Local.Host, main.Mapped.Host);
        if (key == _present) return;
        Forget();
        (_present, _local, _server) = (key, main.Local, main.Server);
        var last = _networks.Find(network => network.Key == key);
        if (last is null || now - last.MeasuredAt > GoodFor) _startAt = now + Patience;
        else _startAt = last.MeasuredAt + GoodFor;
    }

    /// <summary>The network is gone, or the server: what is under way is worth nothing.</summary>
    public void Forget()
    {
        Probe.Stop();
        (_present, _startAt) = (default, null);
    }

    /// <returns>Whether something was found out.</returns>
    public bool HandleDeadline(Instant now)
    {
        if (_startAt <= now)
        {
            _startAt = null;
            Probe.Start(now, _local, _server, _credential);
        }

        Probe.HandleDeadline(now);
        return TryTakeFinding(now);
    }

    /// <summary>Takes what was found when the measurement has ended; what it did not find out is not asked again today either.</summary>
    private bool TryTakeFinding(Instant now)
    {
        if (_present == default || _startAt is not null || Probe.IsRunning) return false;
        _networks.RemoveAll(network => network.Key == _present);
        if (_networks.Count == MaxNetworks) _networks.RemoveAt(0);
        _networks.Add(new Network(_present, now, Probe.Lifetime));
        _startAt = now + GoodFor;
        return Probe.Lifetime is not null;
    }

    private static LocalMapping? FindTranslated(NatReport report)
    {
        foreach (var mapping in report.Mappings)
        {
            if (!mapping.Local.IsIPv6 && mapping.IsTranslated) return mapping;
        }

        return null;
    }

    private sealed record Network((TransportAddress Local, TransportAddress Mapped) Key, Instant MeasuredAt, TimeSpan? Lifetime);
}
