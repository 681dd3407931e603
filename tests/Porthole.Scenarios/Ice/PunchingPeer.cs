using Porthole.Lab;
using Porthole.Protocol;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Ice;

/// <summary>
/// A host with one socket and one agent: asks a server for its mapped address, then does what its agent says. No relay, no session.
/// </summary>
internal sealed class PunchingPeer : IProtocolMachine
{
    private static readonly SocketId s_socket = new(1);

    private readonly EntropySource _entropy;
    private readonly SimulatedMachine _running;
    private TransportAddress _server;

    public PunchingPeer(SimulatedHost host, IceRole role, IceOptions options, EntropySource entropy)
    {
        _entropy = entropy;
        Agent = new IceAgent(options, role, IceCredentials.Create(entropy), entropy);
        _running = host.Run(this, TakeEvents);
        Host = host;
        Local = _running.Bind(s_socket, host.Addresses[0].WithPort(5_000));
    }

    public SimulatedHost Host { get; }

    public IceAgent Agent { get; }

    public TransportAddress Local { get; }

    /// <summary>What the server saw; null before its answer.</summary>
    public TransportAddress? Mapped { get; private set; }

    public Instant? ValidAt { get; private set; }

    public Instant? SelectedAt { get; private set; }

    public Instant? NextDeadline => Agent.NextDeadline;

    /// <summary>Asks a server for the mapped address, which opens a mapping.</summary>
    public void Ask(TransportAddress server) => _running.Invoke(_ => _server = server);

    /// <summary>The push of the server: the other's credentials and mapped address, and the sign to start.</summary>
    public void Push(PunchingPeer other, bool withHost = false) => _running.Invoke(now =>
    {
        Agent.AddLocalCandidate(now, Candidate.Host(s_socket, Local));
        Agent.AddLocalCandidate(now, Candidate.ServerReflexive(s_socket, Mapped!.Value, Local));
        Agent.SetRemoteCredentials(now, other.Agent.LocalCredentials);
        Agent.AddRemoteCandidate(now, Candidate.ServerReflexive(default, other.Mapped!.Value, other.Mapped.Value));
        if (withHost) Agent.AddRemoteCandidate(now, Candidate.Host(default, other.Local));
        Agent.EndOfRemoteCandidates(now);
        Agent.Start(now);
    });

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams)
        {
            var bytes = batch.Bytes(datagram);
            if (Agent.HandleDatagram(now, datagram.Socket, datagram.Remote, bytes)) continue;
            if (StunReader.TryParse(bytes, out var message) && message.TryGetXorAddress(StunAttributeType.XorMappedAddress, out var mapped)) Mapped = mapped;
        }
    }

    public void HandleDeadline(Instant now) => Agent.HandleDeadline(now);

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (_server == default) return Agent.TryWrite(now, ref writer);
        if (!writer.TryReserve(StunRequestSize, out var buffer)) return false;
        var request = new StunWriter(buffer, StunClass.Request, StunMethod.Binding, TransactionId.Create(_entropy));
        writer.Begin(s_socket, _server);
        writer.Commit(request.Length);
        _server = default;
        return true;
    }

    private const int StunRequestSize = 20;

    private void TakeEvents(Instant now)
    {
        while (Agent.TryTakeEvent(out var iceEvent))
        {
            if (iceEvent is IceEvent.PairValid) ValidAt ??= now;
            if (iceEvent is IceEvent.PairSelected) SelectedAt ??= now;
        }
    }
}

/// <summary>A server that says whom it sees.</summary>
internal sealed class MappingServer : IProtocolMachine
{
    private readonly Queue<(TransportAddress Remote, TransactionId Id)> _answers = [];

    public Instant? NextDeadline => null;

    public static TransportAddress Run(Simulation lab, string address = "198.51.100.10")
    {
        var host = lab.Internet.AddHost("server", address);
        return host.Run(new MappingServer()).Bind(new SocketId(1), host.Addresses[0].WithPort(3_478));
    }

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (var datagram in batch.Datagrams)
        {
            if (StunReader.TryParse(batch.Bytes(datagram), out var request)) _answers.Enqueue((datagram.Remote, request.TransactionId));
        }
    }

    public void HandleDeadline(Instant now)
    {
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_answers.TryDequeue(out var answer) || !writer.TryReserve(64, out var buffer)) return false;
        var message = new StunWriter(buffer, StunClass.SuccessResponse, StunMethod.Binding, answer.Id);
        message.WriteXorAddress(StunAttributeType.XorMappedAddress, answer.Remote);
        writer.Begin(new SocketId(1), answer.Remote);
        writer.Commit(message.Length);
        return true;
    }
}
