using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Discovery;

/// <summary>
/// A probe as a whole machine, which does nothing else: opens one socket on each local address and asks STUN servers that give no credentials, RFC 5780's or not.
/// Its addresses are those of the first <see cref="SocketEvent.NetworkChanged"/>.
/// </summary>
public sealed class NatCheckMachine : ISocketUser
{
    private readonly ImmutableArray<TransportAddress> _servers;
    private readonly ushort _localPort;
    private readonly NatProbe _probe;
    private readonly Queue<SocketRequest> _requests = [];
    private readonly HashSet<SocketId> _opening = [];
    private int _numbers;
    private int _sockets;
    private bool _isStarted;

    /// <summary>Creates a machine that asks once it is told the host's addresses.</summary>
    /// <param name="servers">Addresses of STUN servers, the main one first.</param>
    /// <param name="localPort">The UDP port to ask from, on every local address; 0 leaves the choice to the system.</param>
    /// <param name="entropy">For ids.</param>
    /// <param name="options">When to ask, repeat and give up.</param>
    public NatCheckMachine(ImmutableArray<TransportAddress> servers, ushort localPort, EntropySource entropy, NatProbeOptions options)
    {
        (_servers, _localPort) = (servers, localPort);
        _probe = new NatProbe(options, entropy, NextSocket);
    }

    /// <summary>What is known now.</summary>
    public NatReport Report => _probe.Report;

    /// <summary>Whether nothing more can be expected: every question was answered or given up, or there is no socket to ask from.</summary>
    public bool IsComplete => _isStarted && _opening.Count == 0 && ((Report.IsComplete && !_probe.AreTrialsOpen) || _sockets == 0);

    /// <inheritdoc/>
    public Instant? NextDeadline => _probe.NextDeadline;

    /// <inheritdoc/>
    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        switch (socketEvent)
        {
            case SocketEvent.NetworkChanged changed when !_isStarted:
                Start(now, changed.Addresses);
                break;
            case SocketEvent.Opened opened when _opening.Remove(opened.Socket):
                _probe.AddSocket(now, opened.Socket, opened.Local);
                break;
            case SocketEvent.Opened { Socket: var sample } when _probe.Owns(sample):
            case SocketEvent.Failed { Socket: var lost } when _probe.Owns(lost):
                _probe.HandleSocketEvent(now, socketEvent);
                break;
            case SocketEvent.Failed failed:
                _opening.Remove(failed.Socket);
                _sockets--;
                _probe.RemoveSocket(now, failed.Socket);
                break;
        }
    }

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams) _probe.HandleDatagram(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram));
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now) => _probe.HandleDeadline(now);

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => _probe.TryWrite(now, ref writer);

    /// <inheritdoc/>
    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) =>
        _requests.TryDequeue(out request) || _probe.TryTakeRequest(out request);

    /// <summary>Takes the next event; drain to false after every input.</summary>
    public bool TryTakeEvent([NotNullWhen(true)] out NatProbeEvent? probeEvent) => _probe.TryTakeEvent(out probeEvent);

    private void Start(Instant now, ImmutableArray<TransportAddress> addresses)
    {
        _isStarted = true;
        _probe.SetServers(now, _servers, credential: null);
        foreach (var address in addresses)
        {
            if (_sockets == NatProbe.MaxSockets || !_servers.Any(server => ProbeMessage.CanReach(address, server))) continue;
            var socket = NextSocket();
            _sockets++;
            _opening.Add(socket);
            _requests.Enqueue(new SocketRequest.UdpBind(socket, address.WithPort(_localPort)));
        }
    }

    private SocketId NextSocket() => new(++_numbers);
}
