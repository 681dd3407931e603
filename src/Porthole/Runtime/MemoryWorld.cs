using Porthole.Protocol;

namespace Porthole.Runtime;

/// <summary>
/// Machines that exchange datagrams in memory: no loss, no delay, time that passes when nothing else happens, and at most a NAT that counts its ports and a firewall. Only
/// what <see cref="WarmUp"/> needs; the lab has the real one.
/// </summary>
internal sealed class MemoryWorld
{
    /// <summary>The port of a socket that left the choice to the system.</summary>
    private const ushort FirstPort = 40_000;

    private static readonly SocketId s_listener = new(1);

    private readonly Dictionary<ISocketUser, Host> _hosts = [];
    private readonly Dictionary<TransportAddress, (Host Host, SocketId Socket, TransportAddress Only)> _udp = [];
    private readonly Queue<Packet> _packets = new();
    private readonly byte[] _memory = new byte[DatagramBatchWriter.MaxBytes];
    private Host? _server;
    private ushort _nextPort = FirstPort;
    private int _accepted;

    public Instant Now { get; private set; } = Instant.FromMilliseconds(1);

    /// <summary>Adds a machine with one address.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="address">Its address.</param>
    /// <param name="isGuarded">Whether a firewall lets in only what answers.</param>
    /// <param name="outside">The address of the NAT before it, which gives every destination the next port and lets in nobody else; default for none.</param>
    public void Add(ISocketUser machine, TransportAddress address, bool isGuarded = false, TransportAddress outside = default)
    {
        var host = new Host(machine, address) { IsGuarded = isGuarded, Outside = outside };
        _hosts.Add(machine, host);
        machine.HandleSocketEvent(Now, new SocketEvent.NetworkChanged([address]));
        Drain(host);
    }

    /// <summary>Adds the machine that main connections reach.</summary>
    public void AddServer(ISocketUser machine, TransportAddress address)
    {
        Add(machine, address);
        _server = _hosts[machine];
    }

    /// <summary>Gives a machine a command.</summary>
    public void Do<TMachine>(TMachine machine, Action<TMachine, Instant> command)
        where TMachine : ISocketUser
    {
        command(machine, Now);
        Drain(_hosts[machine]);
    }

    /// <summary>Lets things happen.</summary>
    /// <param name="limit">How much time may pass.</param>
    /// <param name="isDone">Asked after each step; takes the machines' events.</param>
    /// <returns>False when the time was up, or nothing more could happen.</returns>
    public bool Run(TimeSpan limit, Func<bool> isDone)
    {
        var until = Now + limit;
        while (!isDone())
        {
            if (_packets.TryDequeue(out var packet))
            {
                Span<ReceivedDatagram> one = [new ReceivedDatagram(packet.Socket, packet.From, 0, packet.Bytes.Length)];
                packet.To.Machine.HandleDatagrams(Now, new DatagramBatch(packet.Bytes, one));
                Drain(packet.To);
            }
            else if (!PassTime(until))
            {
                return false;
            }
        }

        return true;
    }

    private bool PassTime(Instant until)
    {
        var next = _hosts.Values.Where(static host => host.Machine.NextDeadline is not null).MinBy(static host => host.Machine.NextDeadline!.Value);
        if (next?.Machine.NextDeadline is not { } due || due > until) return false;
        Now = Instant.Max(due, Now + TimeSpan.FromTicks(1)); // a deadline that stays would stop the world
        next.Machine.HandleDeadline(Now);
        Drain(next);
        return true;
    }

    private void Drain(Host host)
    {
        while (host.Machine.TryTakeSocketRequest(out var request)) Open(host, request);
        while (true)
        {
            var writer = new DatagramBatchWriter(_memory);
            if (!host.Machine.TryWrite(Now, ref writer)) return;
            for (int i = 0; i < writer.Count; i++) Send(host, writer.Socket, writer.Remote, writer.Segment(i));
        }
    }

    private void Open(Host host, SocketRequest request)
    {
        switch (request)
        {
            case SocketRequest.UdpBind bind:
                var local = bind.Local.Port == 0 ? bind.Local.WithPort(_nextPort++) : bind.Local;
                host.Udp[bind.Socket] = local;
                if (host.Outside == default) _udp[local] = (host, bind.Socket, default);
                host.Machine.HandleSocketEvent(Now, new SocketEvent.Opened(bind.Socket, local, default));
                break;
            case SocketRequest.ServerConnect connect when _server is not null:
                var accepted = new SocketId(--_accepted);
                var from = host.Address.WithPort(_nextPort++);
                host.Connections[connect.Socket] = (_server, accepted);
                _server.Connections[accepted] = (host, connect.Socket);
                _server.Machine.HandleSocketEvent(Now, new SocketEvent.Accepted(s_listener, accepted, from));
                host.Machine.HandleSocketEvent(Now, new SocketEvent.Opened(connect.Socket, from, _server.Address));
                break;
        }
    }

    private void Send(Host host, SocketId socket, TransportAddress remote, ReadOnlySpan<byte> bytes)
    {
        if (host.Connections.TryGetValue(socket, out var other)) _packets.Enqueue(new Packet(other.Host, other.Socket, default, bytes.ToArray()));
        else if (host.Udp.TryGetValue(socket, out var from)) SendDatagram(host, socket, from, remote, bytes);
    }

    private void SendDatagram(Host host, SocketId socket, TransportAddress from, TransportAddress remote, ReadOnlySpan<byte> bytes)
    {
        if (host.IsGuarded) host.Admitted.Add((socket, remote));
        if (host.Outside != default)
        {
            if (!host.Mappings.TryGetValue((socket, remote), out from)) host.Mappings[(socket, remote)] = from = host.Outside.WithPort(_nextPort++);
            _udp[from] = (host, socket, remote);
        }

        if (!_udp.TryGetValue(remote, out var to) || (to.Only != default && to.Only != from)) return;
        if (!to.Host.IsGuarded || to.Host.Admitted.Contains((to.Socket, from))) _packets.Enqueue(new Packet(to.Host, to.Socket, from, bytes.ToArray()));
    }

    private sealed record Packet(Host To, SocketId Socket, TransportAddress From, byte[] Bytes);

    private sealed class Host(ISocketUser machine, TransportAddress address)
    {
        public ISocketUser Machine { get; } = machine;

        public TransportAddress Address { get; } = address;

        public bool IsGuarded { get; init; }

        public TransportAddress Outside { get; init; }

        public Dictionary<SocketId, TransportAddress> Udp { get; } = [];

        public HashSet<(SocketId Socket, TransportAddress Remote)> Admitted { get; } = [];

        public Dictionary<(SocketId Socket, TransportAddress Remote), TransportAddress> Mappings { get; } = [];

        public Dictionary<SocketId, (Host Host, SocketId Socket)> Connections { get; } = [];
    }
}
