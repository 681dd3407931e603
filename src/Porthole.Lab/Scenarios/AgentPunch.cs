using Porthole.Protocol;
using Porthole.Protocol.Ice;

namespace Porthole.Lab.Scenarios;

/// <summary>
/// ICE agents alone: two hosts behind a NAT each, whose mappings to a server are open, hear of each other's server-reflexive candidate at a time and start
/// to check.
/// </summary>
public sealed class AgentPunch
{
    private static readonly TransportAddress s_server = TransportAddress.Parse("198.51.100.1:3478");
    private static readonly TransportAddress s_local = TransportAddress.Parse("192.168.1.10:5000");

    private readonly AgentPunchOptions _options;
    private readonly Instant _start;

    /// <summary>Builds the world and opens the mappings.</summary>
    /// <param name="seed">Decides the run.</param>
    /// <param name="options">What stands between the agents.</param>
    /// <param name="trace">Where packets are recorded; null for nowhere.</param>
    public AgentPunch(ulong seed, AgentPunchOptions options, PacketTrace? trace = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        _options = options;
        Simulation = new Simulation(seed) { Trace = trace };
        var server = new Reflector();
        Simulation.Internet.AddHost("server", "198.51.100.1").Run(server).Bind(AgentMachine.Socket, s_server);

        var entropy = Simulation.CreateEntropy();
        IceCredentials[] credentials = [IceCredentials.Create(entropy), IceCredentials.Create(entropy)];
        var ice = IceOptions.ForPeers(options.Link.Delay, options.Link.Delay);
        var running = new SimulatedMachine[2];
        for (int i = 0; i < 2; i++)
        {
            var router = Simulation.Internet.AddNat(i == 0 ? "nat-a" : "nat-b", i == 0 ? options.First : options.Second, $"203.0.113.{i + 1}");
            var agent = new IceAgent(ice, i == 0 ? IceRole.Controlling : IceRole.Controlled, credentials[i], entropy);
            var machine = new AgentMachine(agent, s_server);
            Agents.Add(machine);
            running[i] = router.Inside.AddHost(i == 0 ? "alice" : "bob", "192.168.1.10").Run(machine);
            running[i].Bind(AgentMachine.Socket, s_local);
            running[i].Invoke(_ => machine.Greet());
            Simulation.RunUntil(() => server.Seen.Count > i, TimeSpan.FromSeconds(1));
            router.Link.Up = options.Link;
            Routers.Add(router);
        }

        _start = Simulation.Now;
        for (int i = 0; i < 2; i++)
        {
            int side = i;
            var reflexive = Candidate.ServerReflexive(AgentMachine.Socket, server.Seen[1 - i], s_local);
            var remote = Candidate.Remote(reflexive.Type, reflexive.Address, reflexive.Priority, reflexive.Foundation);
            var own = Candidate.ServerReflexive(AgentMachine.Socket, server.Seen[i], s_local);
            Simulation.Schedule(_start + (i == 0 ? TimeSpan.Zero : options.Skew), () => running[side].Invoke(now => Agents[side].Start(now, s_local, own, credentials[1 - side], remote)));
        }
    }

    /// <summary>The world.</summary>
    public Simulation Simulation { get; }

    /// <summary>The two agents.</summary>
    public IList<AgentMachine> Agents { get; } = [];

    /// <summary>Their NATs.</summary>
    public IList<SimulatedRouter> Routers { get; } = [];

    /// <summary>Whether both agents have a valid pair, and the nominated one.</summary>
    public bool IsDirect => Agents[0].Agent.Selected is not null && Agents[1].Agent.Selected is not null;

    /// <summary>From the first agent's start until both have a valid pair; null when they have not.</summary>
    public TimeSpan? PairAfter => Agents[0].FirstPairAt is { } first && Agents[1].FirstPairAt is { } second ? Instant.Max(first, second) - _start : null;

    /// <summary>Checks that both have sent.</summary>
    public int ChecksSent => Agents[0].Agent.ChecksSent + Agents[1].Agent.ChecksSent;

    /// <summary>Runs until both have agreed on a pair.</summary>
    /// <param name="limit">How much virtual time they have, from the first one's start.</param>
    public bool Run(TimeSpan limit) => Simulation.RunUntil(() => IsDirect, _start + limit - Simulation.Now);

    /// <summary>Remembers where its visitors come from.</summary>
    private sealed class Reflector : IProtocolMachine
    {
        public List<TransportAddress> Seen { get; } = [];

        public Instant? NextDeadline => null;

        public void HandleDatagrams(Instant now, in DatagramBatch batch)
        {
            foreach (ref readonly var datagram in batch.Datagrams) Seen.Add(datagram.Remote);
        }

        public void HandleDeadline(Instant now)
        {
        }

        public bool TryWrite(Instant now, ref DatagramBatchWriter writer) => false;
    }
}
