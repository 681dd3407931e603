using System.Diagnostics.CodeAnalysis;
using Porthole.Lab;
using Porthole.Protocol;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Punching;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Tcp;

/// <summary>
/// A host that punches by TCP alone: a listener that shares its port, a connection to a server that shows the mapping and keeps it, a puncher, an agent.
/// </summary>
internal sealed class TcpPunchingPeer : ISocketUser
{
    private const ushort Port = 8_900;

    private readonly SimulatedMachine _running;
    private readonly TransportAddress _server;
    private readonly Queue<SocketRequest> _requests = [];
    private readonly Dictionary<SocketId, TransportAddress> _listeners = [];
    private readonly Dictionary<SocketId, SocketId> _probes = []; // to the server, for which listener; 0 for a sample
    private readonly Dictionary<SocketId, (TransportAddress Local, TransportAddress Remote)> _unclaimed = [];
    private int _sockets;

    public TcpPunchingPeer(SimulatedHost host, IceRole role, IceOptions options, EntropySource entropy, TransportAddress server, TcpPunchOptions? punch = null)
    {
        _server = server;
        Host = host;
        Agent = new IceAgent(options, role, IceCredentials.Create(entropy), entropy) { HoldOpen = true };
        Puncher = new TcpPuncher(punch ?? TcpPunchOptions.Default, entropy, NextSocket, Budget);
        _running = host.Run(this, TakeEvents);
        _running.Invoke(_ => Listen(Port));
    }

    public SimulatedHost Host { get; }

    public IceAgent Agent { get; }

    public TcpPuncher Puncher { get; }

    public SprayBudget Budget { get; } = new();

    /// <summary>The first listener, and what the server saw of its port; null before its answer.</summary>
    public (SocketId Listener, TransportAddress Local, TransportAddress Mapped)? Mapping { get; private set; }

    /// <summary>The ports that further connections to the server were seen under, in order.</summary>
    public List<ushort> Samples { get; } = [];

    /// <summary>What signalling does with a fresh mapped address.</summary>
    public Action<TransportAddress> Signal { get; set; } = static _ => { };

    /// <summary>How long a pair must last, after it was nominated, to count: what a proof of the other's key takes.</summary>
    public TimeSpan ProofTime { get; set; }

    public Instant? SelectedAt { get; private set; }

    /// <summary>Whether the pair has lasted so long; attempts have ended then.</summary>
    public bool IsProved { get; private set; }

    public Instant? ExhaustedAt { get; private set; }

    public int FreshPorts { get; private set; }

    public Instant? NextDeadline => Instant.Earlier(Instant.Earlier(Agent.NextDeadline, Puncher.NextDeadline), IsProved ? null : SelectedAt + ProofTime);

    /// <summary>The server's push: the other's credentials and its mapped address, and the sign to start.</summary>
    public void Push(TcpPunchingPeer other, Action<Instant>? more = null) => _running.Invoke(now =>
    {
        Agent.SetRemoteCredentials(now, other.Agent.LocalCredentials);
        Agent.Start(now);
        var (listener, local, _) = Mapping!.Value;
        Puncher.AddLocal(now, listener, local);
        Puncher.AddRemote(now, other.Mapping!.Value.Mapped, TcpCandidateType.SimultaneousOpen);
        more?.Invoke(now);
        Puncher.Start(now);
    });

    /// <summary>A candidate of the other side that came later.</summary>
    public void AddRemote(TransportAddress address) => _running.Invoke(now => Puncher.AddRemote(now, address, TcpCandidateType.SimultaneousOpen));

    /// <summary>Connects to another port of the server, from the punching port: a NAT that maps by destination gives it a port of its own.</summary>
    public void Sample(int serverPort) => _running.Invoke(now =>
    {
        var probe = NextSocket();
        _probes.Add(probe, default);
        Request(new SocketRequest.TcpConnect(probe, Mapping!.Value.Local, _server.WithPort((ushort)(_server.Port + serverPort)), now, MessageFraming.Stun));
    });

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (Puncher.HandleSocketEvent(now, socketEvent)) return;
        switch (socketEvent)
        {
            case SocketEvent.Opened { Remote: var remote } listener when remote == default:
                _listeners[listener.Socket] = listener.Local;
                var probe = NextSocket();
                _probes.Add(probe, listener.Socket);
                Request(new SocketRequest.TcpConnect(probe, listener.Local, _server, now, MessageFraming.Stun));
                break;
            case SocketEvent.Accepted accepted:
                _unclaimed.Add(accepted.Socket, (_listeners[accepted.Listener], accepted.Remote));
                break;
            case SocketEvent.Failed failed:
                _unclaimed.Remove(failed.Socket);
                Agent.RemoveSocket(now, failed.Socket);
                break;
        }
    }

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams)
        {
            var bytes = batch.Bytes(datagram);
            if (_probes.TryGetValue(datagram.Socket, out var listener)) Learn(now, listener, bytes);
            else if (_unclaimed.Remove(datagram.Socket, out var accepted)) Claim(now, datagram.Socket, accepted.Local, accepted.Remote, bytes);
            else Agent.HandleDatagram(now, datagram.Socket, datagram.Remote, bytes);
        }
    }

    public void HandleDeadline(Instant now)
    {
        Puncher.HandleDeadline(now);
        Agent.HandleDeadline(now);
        if (IsProved || !(now >= SelectedAt + ProofTime)) return;
        IsProved = true;
        Puncher.Stop(now);
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => Agent.TryWrite(now, ref writer);

    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request) || Puncher.TryTakeRequest(out request);

    private SocketId NextSocket() => new(++_sockets);

    private void Listen(ushort port) => Request(new SocketRequest.TcpListen(NextSocket(), Host.Addresses[0].WithPort(port), Shared: true));

    private void Learn(Instant now, SocketId listener, ReadOnlySpan<byte> bytes)
    {
        if (!StunReader.TryParse(bytes, out var message) || !message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped)) return;
        if (listener == default)
        {
            Samples.Add(mapped.Port);
            return;
        }

        if (Mapping is null)
        {
            Mapping = (listener, _listeners[listener], mapped);
            return;
        }

        Puncher.AddLocal(now, listener, _listeners[listener]);
        Signal(mapped);
    }

    private void Claim(Instant now, SocketId socket, TransportAddress local, TransportAddress remote, ReadOnlySpan<byte> bytes)
    {
        if (Agent.TryAccept(now, socket, local, remote, bytes)) Puncher.HandleAccepted(now, socket, remote);
        else Request(new SocketRequest.Close(socket, Abortive: true));
    }

    private void TakeEvents(Instant now)
    {
        while (Puncher.TryTakeEvent(out var punchEvent))
        {
            switch (punchEvent)
            {
                case TcpPunchEvent.Connected connected:
                    if (!Agent.AddConnection(now, connected.Socket, connected.Local, connected.Remote)) Request(new SocketRequest.Close(connected.Socket, Abortive: true));
                    break;
                case TcpPunchEvent.FreshPortWanted:
                    FreshPorts++;
                    Listen(0);
                    break;
                case TcpPunchEvent.Exhausted:
                    ExhaustedAt = now;
                    Agent.HoldOpen = false;
                    break;
            }
        }

        while (Agent.TryTakeEvent(out var iceEvent))
        {
            switch (iceEvent)
            {
                case IceEvent.PairSelected:
                    SelectedAt = now;
                    break;
                case IceEvent.ConsentLost when Agent.Selected is null:
                    SelectedAt = null;
                    break;
                case IceEvent.ConnectionFailed { Pair.Socket: var socket }:
                    Agent.RemoveSocket(now, socket);
                    Request(new SocketRequest.Close(socket, Abortive: true));
                    Puncher.HandleClosed(now, socket);
                    break;
            }
        }
    }

    private void Request(SocketRequest request) => _requests.Enqueue(request);
}
