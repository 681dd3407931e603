using System.Diagnostics.CodeAnalysis;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>Thousands of peers that do nothing but be registered: the true client's side of the main connection, many in one machine.</summary>
internal sealed class RegisteredPeers : ISocketUser
{
    /// <summary>Peers that log in at the same time: not so many that the last waits longer than the server's patience.</summary>
    private const int AtOnce = 32;

    private static readonly CandidateInfo s_candidate = new(
        CandidateKind.Host, CandidateTransport.Udp, TransportAddress.Parse("192.168.1.17:8900"), TransportAddress.Parse("192.168.1.17:8900"), 2_130_706_431, "1");

    private readonly Uri _server;
    private readonly List<RendezvousClient> _clients = [];
    private readonly Dictionary<SocketId, RendezvousClient> _bySocket = [];
    private readonly Stack<RendezvousClient> _requesting = new();
    private readonly Stack<RendezvousClient> _writing = new();
    private int _lastSocket;
    private int _wanted;
    private int _registered;
    private TaskCompletionSource? _reached;

    private RegisteredPeers(Uri server) => _server = server;

    public Instant? NextDeadline => _clients.Count == 0 ? null : _clients.Min(static client => client.NextDeadline);

    public static MachineHost<RegisteredPeers> Start(Uri server) =>
        new(new RegisteredPeers(server), new RealNetwork(), new InstantClock(TimeProvider.System), static (_, _) => { });

    /// <summary>Logs more peers in; completes when all are registered.</summary>
    public static async Task AddAsync(MachineHost<RegisteredPeers> host, int count)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        host.Post((machine, now) =>
        {
            machine._wanted += count;
            machine._reached = reached;
            for (int i = 0; i < AtOnce; i++) machine.AddNext(now);
        });
        await reached.Task.WaitAsync(TimeSpan.FromMinutes(5)).ConfigureAwait(false);
    }

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams)
        {
            if (!_bySocket.TryGetValue(datagram.Socket, out var client)) continue;
            client.HandleMessage(now, datagram.Socket, batch.Bytes(datagram));
            Touch(now, client);
        }
    }

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        SocketId? socket = socketEvent switch
        {
            SocketEvent.Opened opened => opened.Socket,
            SocketEvent.Failed failed => failed.Socket,
            _ => null,
        };
        if (socket is not { } id || !_bySocket.TryGetValue(id, out var client)) return;
        client.HandleSocketEvent(now, socketEvent);
        Touch(now, client);
    }

    public void HandleDeadline(Instant now)
    {
        foreach (var client in _clients.Where(client => client.NextDeadline <= now).ToArray())
        {
            client.HandleDeadline(now);
            Touch(now, client);
        }
    }

    public bool TryTakeSocketRequest([NotNullWhen(true)] out SocketRequest? request)
    {
        for (; _requesting.TryPeek(out var client); _requesting.Pop())
        {
            if (client.TryTakeSocketRequest(out request)) return true;
        }

        request = null;
        return false;
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        for (; _writing.TryPeek(out var client); _writing.Pop())
        {
            if (client.TryWrite(now, ref writer)) return true;
        }

        return false;
    }

    private void AddNext(Instant now)
    {
        if (_clients.Count == _wanted) return;
        RendezvousClient? client = null;
        client = new RendezvousClient(
            new RendezvousClientOptions { Server = _server },
            IdentityKey.Generate(OperatingSystemEntropy.Instance),
            OperatingSystemEntropy.Instance,
            () =>
            {
                var id = new SocketId(++_lastSocket);
                _bySocket[id] = client!;
                return id;
            });
        client.Register(now, new Registration { Name = $"peer-{_clients.Count}", Candidates = [s_candidate] });
        client.Start(now);
        _clients.Add(client);
        Touch(now, client);
    }

    private void Touch(Instant now, RendezvousClient client)
    {
        _requesting.Push(client);
        _writing.Push(client);
        while (client.TryTakeEvent(out var happened))
        {
            if (happened is RendezvousEvent.Refused or RendezvousEvent.Disconnected) _reached?.TrySetException(new InvalidOperationException($"A peer was not registered: {happened}."));
            if (happened is not RendezvousEvent.Registered) continue;
            _registered++;
            AddNext(now);
            if (_registered == _wanted) _reached?.TrySetResult();
        }
    }
}
