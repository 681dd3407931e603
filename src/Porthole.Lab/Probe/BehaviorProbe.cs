using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Probe;

/// <summary>
/// One script that finds out from both sides how a NAT behaves. It runs against a <see cref="NatTable"/> and against a kernel's
/// NAT alike, so that the model is held against reality; with datagrams, or with SYNs on an <see cref="ITcpProbeNetwork"/>.
/// </summary>
public sealed class BehaviorProbe
{
    // Sequential allocation is told from chance by four equal steps of at most this size.
    private const int LargestStep = 16;
    private const int AllocationSamples = 5;

    private const ushort FirstRemotePort = 5001;
    private const ushort SecondRemotePort = 5002;

    private readonly IProbeNetwork _network;
    private readonly TransportAddress _a1, _a2, _b1;
    // Below the ports that systems give out by themselves, so that nobody else holds them.
    private ushort _lastPort = 20_000;
    private uint _lastNumber;

    private BehaviorProbe(IProbeNetwork network)
    {
        _network = network;
        _a1 = network.Outside[0].WithPort(FirstRemotePort);
        _a2 = network.Outside[0].WithPort(SecondRemotePort);
        _b1 = network.Outside[1].WithPort(FirstRemotePort);
        network.Open(_a1);
        network.Open(_a2);
        network.Open(_b1);
    }

    /// <summary>Runs the script.</summary>
    /// <param name="network">The hosts on both sides of the NAT.</param>
    /// <param name="lifetimes">A shorter and a longer wait, to see which state outlives them; <c>null</c>: leave lifetimes alone.</param>
    /// <exception cref="InvalidOperationException">A packet from inside did not get out, so there is nothing to see.</exception>
    public static NatObservation Run(IProbeNetwork network, (TimeSpan Short, TimeSpan Long)? lifetimes = null)
    {
        ArgumentNullException.ThrowIfNull(network);
        var probe = new BehaviorProbe(network);
        var mapping = probe.SeeMapping(out bool translates);
        var allocation = probe.SeeAllocation();
        return new NatObservation
        {
            Translates = translates,
            Mapping = mapping,
            Allocation = allocation,
            Filtering = probe.SeeFiltering(),
            SharesPorts = translates && allocation == PortChoice.Preserve ? probe.SeeSharedPorts() : null,
            AnswersBySameMapping = probe.SeeAnswer(),
            EarlyInbound = allocation == PortChoice.Preserve ? probe.SeeEarlyInbound() : EarlyInbound.Unknown,
            Hairpinning = translates ? probe.SeeHairpinning() : Hairpinning.None,
            Lifetime = lifetimes is var (shorter, longer) ? probe.SeeLifetime(shorter, longer) : null,
            Connections = network is ITcpProbeNetwork connections ? probe.SeeConnections(connections) : null,
        };
    }

    private NatMapping SeeMapping(out bool translates)
    {
        var socket = OpenInside();
        var first = MappedFor(socket, _a1);
        var otherPort = MappedFor(socket, _a2);
        var otherHost = MappedFor(socket, _b1);
        translates = first != socket;
        return first != otherPort ? NatMapping.AddressAndPortDependent
            : first != otherHost ? NatMapping.AddressDependent
            : NatMapping.EndpointIndependent;
    }

    private PortChoice SeeAllocation()
    {
        var sockets = Enumerable.Range(0, AllocationSamples).Select(_ => OpenInside()).ToArray();
        int[] mapped = [.. sockets.Select(socket => (int)MappedFor(socket, _a1).Port)];
        if (sockets.Select(socket => (int)socket.Port).SequenceEqual(mapped)) return PortChoice.Preserve;
        int step = mapped[1] - mapped[0];
        bool isConstant = mapped.Zip(mapped.Skip(1), (one, next) => next - one).All(distance => distance == step);
        return isConstant && Math.Abs(step) is > 0 and <= LargestStep ? PortChoice.Sequential : PortChoice.Random;
    }

    private NatFiltering SeeFiltering()
    {
        var socket = OpenInside();
        var mapped = MappedFor(socket, _a1);
        if (Passes(_b1, mapped, socket)) return NatFiltering.EndpointIndependent;
        return Passes(_a2, mapped, socket) ? NatFiltering.AddressDependent : NatFiltering.AddressAndPortDependent;
    }

    private bool SeeSharedPorts()
    {
        ushort port = NextPort();
        var one = OpenInside(0, port);
        var other = OpenInside(1, port);
        return MappedFor(one, _a1) == MappedFor(other, _b1);
    }

    /// <summary>Has a stranger speak first, as far as the filter lets him, and looks where the answer leaves.</summary>
    private bool? SeeAnswer()
    {
        var socket = OpenInside();
        var mapped = MappedFor(socket, _a1);
        foreach (var stranger in new[] { _b1, _a2 })
        {
            if (Passes(stranger, mapped, socket)) return MappedFor(socket, stranger) == mapped;
        }
        return null;
    }

    private EarlyInbound SeeEarlyInbound()
    {
        var host = MappedFor(OpenInside(), _a1);
        var socket = OpenInside();
        Passes(_a1, host.WithPort(socket.Port), socket);
        return MappedFor(socket, _a1).Port == socket.Port ? EarlyInbound.Harmless : EarlyInbound.CostsThePort;
    }

    private Hairpinning SeeHairpinning()
    {
        var one = OpenInside(0, NextPort());
        var other = OpenInside(1, NextPort());
        var oneMapped = MappedFor(one, _a1);
        var otherMapped = MappedFor(other, _a1);
        // The first packet each way may only open the sender's own filter; the second must pass if any can.
        for (int round = 0; round < 2; round++)
        {
            if (Passes(one, otherMapped, other, out var from) || Passes(other, oneMapped, one, out from))
            {
                return from.SameHost(oneMapped) ? Hairpinning.ExternalSource : Hairpinning.InternalSource;
            }
        }
        return Hairpinning.None;
    }

    private LifetimeObservation SeeLifetime(TimeSpan shorter, TimeSpan longer)
    {
        var unreplied = OpenInside();
        var idle = OpenInside();
        var visited = OpenInside();
        var (idleMapped, visitedMapped) = (MappedFor(idle, _a1), MappedFor(visited, _a1));
        // Long enough that Linux counts it as a conversation: more than two seconds.
        for (int i = 0; i < 4; i++)
        {
            if (i > 0) _network.Wait(TimeSpan.FromSeconds(0.8));
            foreach (var (socket, mapped) in new[] { (idle, idleMapped), (visited, visitedMapped) })
            {
                MappedFor(socket, _a1);
                Passes(_a1, mapped, socket);
            }
        }
        var unrepliedMapped = MappedFor(unreplied, _a1);
        _network.Wait(shorter);
        bool unrepliedLives = Passes(_a1, unrepliedMapped, unreplied);
        bool visitedLives = Passes(_a1, visitedMapped, visited);
        _network.Wait(longer);
        return new LifetimeObservation(
            unrepliedLives, visitedLives, Passes(_a1, idleMapped, idle), visitedLives && Passes(_a1, visitedMapped, visited));
    }

    private ConnectionObservation SeeConnections(ITcpProbeNetwork network)
    {
        // Nothing has ever been sent from there.
        var nobody = MappedFor(OpenInside(), _a1).WithPort(NextPort());
        _network.Send(_b1, nobody, ++_lastNumber);
        var unsolicited = network.SeeAnswer(_b1, _lastNumber);

        var crossing = OpenInside();
        bool crossingPasses = Passes(_a1, MappedFor(crossing, _a1), crossing);

        var refused = OpenInside();
        var mapped = MappedFor(refused, _a1);
        network.Refuse(_a1, mapped, _lastNumber);
        return new ConnectionObservation(unsolicited, crossingPasses, Passes(_a1, mapped, refused));
    }

    private ushort NextPort() => _lastPort += 7;

    private TransportAddress OpenInside() => OpenInside(0, NextPort());

    private TransportAddress OpenInside(int host, ushort port)
    {
        var local = _network.Inside[host].WithPort(port);
        _network.Open(local);
        return local;
    }

    private TransportAddress MappedFor(TransportAddress socket, TransportAddress remote) => Passes(socket, remote, remote, out var from)
        ? from
        : throw new InvalidOperationException($"A packet from {socket} did not reach {remote}.");

    private bool Passes(TransportAddress from, TransportAddress to, TransportAddress at) => Passes(from, to, at, out _);

    private bool Passes(TransportAddress from, TransportAddress to, TransportAddress at, out TransportAddress seen)
    {
        _network.Send(from, to, ++_lastNumber);
        return _network.TryReceive(at, _lastNumber, out seen);
    }
}
