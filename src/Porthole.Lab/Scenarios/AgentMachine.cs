using Porthole.Protocol;
using Porthole.Protocol.Ice;

namespace Porthole.Lab.Scenarios;

/// <summary>An ICE agent with one socket as a machine of its own.</summary>
/// <param name="agent">The agent.</param>
/// <param name="server">Where the first datagram goes.</param>
public sealed class AgentMachine(IceAgent agent, TransportAddress server) : IProtocolMachine
{
    /// <summary>The socket.</summary>
    public static readonly SocketId Socket = new(1);

    private bool _greets;
    private bool _started;

    /// <summary>The agent.</summary>
    public IceAgent Agent { get; } = agent;

    /// <summary>When the first pair became valid; null before.</summary>
    public Instant? FirstPairAt { get; private set; }

    /// <inheritdoc/>
    public Instant? NextDeadline => _started ? Agent.NextDeadline : null;

    /// <summary>Sends one datagram to the server, which opens the mapping.</summary>
    public void Greet() => _greets = true;

    /// <summary>Takes what the signalling brought, and starts to check.</summary>
    /// <param name="now">The time.</param>
    /// <param name="local">The address the socket is bound to.</param>
    /// <param name="reflexive">What the server saw of it.</param>
    /// <param name="credentials">The other agent's credentials.</param>
    /// <param name="remote">The other agent's candidate.</param>
    public void Start(Instant now, TransportAddress local, Candidate reflexive, IceCredentials credentials, Candidate remote)
    {
        _started = true;
        Agent.AddLocalCandidate(now, Candidate.Host(Socket, local));
        Agent.AddLocalCandidate(now, reflexive);
        Agent.SetRemoteCredentials(now, credentials);
        Agent.AddRemoteCandidate(now, remote);
        Agent.EndOfRemoteCandidates(now);
        Agent.Start(now);
        TakeEvents(now);
    }

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams) Agent.HandleDatagram(now, datagram.Socket, datagram.Remote, batch.Bytes(datagram));
        TakeEvents(now);
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now)
    {
        Agent.HandleDeadline(now);
        TakeEvents(now);
    }

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_greets) return Agent.TryWrite(now, ref writer);
        _greets = false;
        writer.Begin(Socket, server);
        writer.TryReserve(1, out var segment);
        segment.Clear();
        writer.Commit(1);
        return true;
    }

    private void TakeEvents(Instant now)
    {
        while (Agent.TryTakeEvent(out var happened))
        {
            if (happened is IceEvent.PairValid) FirstPairAt ??= now;
        }
    }
}
