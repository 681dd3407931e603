namespace Porthole.Protocol.Punching;

/// <summary>Guessing ports: many sockets to one address, or one port to many.</summary>
public sealed partial class TcpPuncher
{
    private readonly SprayBudget _sprayBudget = sprayBudget ?? new SprayBudget();
    private Spray? _spray;

    /// <summary>
    /// The side whose NAT gives every connection a port that nobody can know: many sockets, each with a mapping of its own, to the one right address.
    /// </summary>
    /// <param name="now">The moment.</param>
    /// <param name="localHost">The local address; its port does not matter.</param>
    /// <param name="remote">The one address of the other side.</param>
    /// <param name="count">How many sockets; at most <see cref="SprayBudget.MaxSockets"/>.</param>
    /// <returns>False when the budget has no room for a spray now.</returns>
    public bool SprayFrom(Instant now, TransportAddress localHost, TransportAddress remote, int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        int sockets = Math.Min(count, SprayBudget.MaxSockets);
        return TrySpray(now, remote, localHost.WithPort(0), Enumerable.Repeat(remote, sockets));
    }

    /// <summary>The other side of it: one port to many ports of the other's host.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="listener">The listener of the port to attempt from.</param>
    /// <param name="remoteHost">The other's host; its port does not matter.</param>
    /// <param name="ports">The ports, the likeliest first; at most <see cref="SprayBudget.MaxProbes"/>.</param>
    /// <returns>False when the budget has no room for a spray now, or the port is unknown.</returns>
    public bool SprayTo(Instant now, SocketId listener, TransportAddress remoteHost, ReadOnlySpan<ushort> ports)
    {
        var from = _ports.Find(port => port.Listener == listener);
        if (from is null) return false;
        var targets = new List<TransportAddress>(Math.Min(ports.Length, SprayBudget.MaxProbes));
        foreach (ushort port in ports)
        {
            if (targets.Count < SprayBudget.MaxProbes && port != 0) targets.Add(remoteHost.WithPort(port));
        }

        return targets.Count > 0 && TrySpray(now, remoteHost, from.Address, targets.Distinct());
    }

    private bool TrySpray(Instant now, TransportAddress aim, TransportAddress local, IEnumerable<TransportAddress> targets)
    {
        bool isOver = _endAt != Instant.Never && !IsRunning;
        if (isOver || _spray is not null || !_sprayBudget.TryBegin(now, new SprayAim(Transports.Tcp, aim.Host, peer))) return false;
        _spray = new Spray(_sprayBudget, local, targets, options.AttemptTimeout);
        Advance(now);
        return true;
    }

    private void AdvanceSpray(Instant now, Spray spray)
    {
        while (spray.TryTakeExpired(now, out var expired))
        {
            TimeOuts++;
            Close(expired);
        }

        while (spray.TryOpen(now, nextSocket, out var request))
        {
            SprayAttempts++;
            _requests.Enqueue(request);
        }
    }

    private void EndSpray(Instant now)
    {
        if (_spray is null) return;
        foreach (var socket in _spray.End(now)) Close(socket);
        _spray = null;
    }
}
