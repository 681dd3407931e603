using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics;
using System.Net.Sockets;
using Porthole.Lab.Nat;
using Porthole.Lab.Probe;
using Porthole.Protocol;

namespace Porthole.Lab.Kernel;

/// <summary>
/// As <see cref="KernelProbeNetwork"/>, with TCP segments for datagrams, written and read by raw sockets: a SYN bears its number as its sequence number. The
/// kernels of the hosts, where no such connections are known, are kept from refusing them.
/// </summary>
public sealed class KernelTcpProbeNetwork : ITcpProbeNetwork, IDisposable
{
    private const string Table = "inet probe";
    private const int Window = 65_535;
    private const int PortUnreachableCode = 3; // RFC 792
    private const int MarkOption = 36; // SO_MARK
    private const int SocketLevel = 1; // SOL_SOCKET
    private const int OwnMark = 1;
    private const int Pseudo = 12;

    // As for datagrams: only a loaded processor makes a packet wait.
    private static readonly TimeSpan s_patience = TimeSpan.FromMilliseconds(250);

    private readonly Dictionary<TransportAddress, (Socket Tcp, Socket Icmp)> _sockets = [];
    private readonly Dictionary<TransportAddress, NetworkNamespace> _hosts = [];

    /// <summary>Adds two hosts to the site.</summary>
    /// <param name="lab">The lab the site belongs to.</param>
    /// <param name="site">The site whose router is examined.</param>
    /// <exception cref="KernelLabException">The kernel refused.</exception>
    public KernelTcpProbeNetwork(KernelLab lab, KernelSite site)
    {
        ArgumentNullException.ThrowIfNull(lab);
        ArgumentNullException.ThrowIfNull(site);
        Inside = [Add(site.AddHost("probe1")), Add(site.AddHost("probe2"))];
        Outside = [Add(lab.Server), TransportAddress.From(lab.SecondServerAddress, 0)];
        _hosts.Add(Outside[1], lab.Server.Namespace);
        foreach (var space in _hosts.Values.Distinct())
        {
            space.LoadRules(
                $$"""
                table {{Table}} {
                  chain output {
                    type filter hook output priority filter
                    meta mark != {{OwnMark}} tcp flags & rst == rst drop
                  }
                }
                """);
        }
    }

    /// <inheritdoc/>
    public ImmutableArray<TransportAddress> Inside { get; }

    /// <summary>How much longer than usual a packet is waited for.</summary>
    internal TimeSpan MorePatience { get; init; }

    /// <inheritdoc/>
    public ImmutableArray<TransportAddress> Outside { get; }

    /// <inheritdoc/>
    public void Open(TransportAddress local) => _sockets.Add(local, _hosts[local.Host].Invoke(() =>
    {
        var tcp = Raw(ProtocolType.Tcp, local);
        tcp.SetRawSocketOption(SocketLevel, MarkOption, BitConverter.GetBytes(OwnMark));
        return (tcp, Raw(ProtocolType.Icmp, local));
    }));

    /// <inheritdoc/>
    public void Send(TransportAddress from, TransportAddress to, uint number) => Send(from, to, TcpBits.Syn, number, 0);

    /// <inheritdoc/>
    public void Refuse(TransportAddress from, TransportAddress to, uint number) => Send(from, to, TcpBits.Reset | TcpBits.Ack, 0, number + 1);

    /// <inheritdoc/>
    public bool TryReceive(TransportAddress at, uint number, out TransportAddress from)
    {
        byte[] packet = new byte[128];
        var (tcp, _) = _sockets[at];
        long began = Stopwatch.GetTimestamp();
        while (TryRead([tcp], began, packet, out var segment, out _))
        {
            if (!PacketRewriter.TryRead(segment, out var read) || read.Bits != TcpBits.Syn || read.Destination != at || Sequence(segment) != number) continue;
            from = read.Source;
            return true;
        }
        from = default;
        return false;
    }

    /// <inheritdoc/>
    public UnsolicitedSyn SeeAnswer(TransportAddress at, uint number)
    {
        byte[] packet = new byte[128];
        var (tcp, icmp) = _sockets[at];
        long began = Stopwatch.GetTimestamp();
        while (TryRead([tcp, icmp], began, packet, out var answer, out var protocol))
        {
            if (!PacketRewriter.TryRead(answer, out var read) || read.Destination != at) continue;
            int header = PacketRewriter.HeaderLength(answer);
            if (protocol == ProtocolType.Tcp)
            {
                uint acknowledged = BinaryPrimitives.ReadUInt32BigEndian(answer[(header + PacketRewriter.AcknowledgmentAt)..]);
                if (read.Bits.HasFlag(TcpBits.Reset) && acknowledged == number + 1) return UnsolicitedSyn.Reset;
            }
            else if (Sequence(answer[(header + PacketRewriter.IcmpHeader)..]) == number)
            {
                return answer[header + 1] == PortUnreachableCode ? UnsolicitedSyn.PortUnreachable : UnsolicitedSyn.Prohibited;
            }
        }
        return UnsolicitedSyn.Drop;
    }

    /// <inheritdoc/>
    public void Wait(TimeSpan duration) => Thread.Sleep(duration);

    /// <summary>Closes the sockets and lets the kernels refuse again. The hosts stay.</summary>
    public void Dispose()
    {
        foreach (var (tcp, icmp) in _sockets.Values)
        {
            tcp.Dispose();
            icmp.Dispose();
        }
        foreach (var space in _hosts.Values.Distinct()) space.LoadRules($"delete table {Table}");
    }

    private static Socket Raw(ProtocolType protocol, TransportAddress local)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Raw, protocol);
        socket.Bind(local.WithPort(0).ToEndPoint());
        return socket;
    }

    /// <summary>Reads the next packet of whichever socket has one, until patience ends.</summary>
    private bool TryRead(Socket[] sockets, long began, byte[] buffer, out ReadOnlySpan<byte> packet, out ProtocolType protocol)
    {
        packet = default;
        protocol = default;
        var left = s_patience + MorePatience - Stopwatch.GetElapsedTime(began);
        List<Socket> readable = [.. sockets];
        Socket.Select(readable, null, null, left > TimeSpan.Zero ? left : TimeSpan.Zero);
        if (readable is not [var socket, ..]) return false;
        packet = buffer.AsSpan(0, socket.Receive(buffer, 0, buffer.Length, SocketFlags.Truncated, out _));
        protocol = socket.ProtocolType;
        return true;
    }

    private static uint Sequence(ReadOnlySpan<byte> packet) =>
        BinaryPrimitives.ReadUInt32BigEndian(packet[(PacketRewriter.HeaderLength(packet) + PacketRewriter.SequenceAt)..]);

    private void Send(TransportAddress from, TransportAddress to, TcpBits bits, uint sequence, uint acknowledged)
    {
        byte[] checkedBytes = new byte[Pseudo + PacketRewriter.TcpHeader];
        from.WriteAddress(checkedBytes);
        to.WriteAddress(checkedBytes.AsSpan(4));
        checkedBytes[9] = (byte)ProtocolType.Tcp;
        checkedBytes[11] = PacketRewriter.TcpHeader;
        var segment = checkedBytes.AsSpan(Pseudo);
        BinaryPrimitives.WriteUInt16BigEndian(segment, from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], to.Port);
        BinaryPrimitives.WriteUInt32BigEndian(segment[PacketRewriter.SequenceAt..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment[PacketRewriter.AcknowledgmentAt..], acknowledged);
        segment[PacketRewriter.WordsAt] = PacketRewriter.TcpHeader / 4 << 4;
        segment[PacketRewriter.BitsAt] = (byte)bits;
        BinaryPrimitives.WriteUInt16BigEndian(segment[(PacketRewriter.BitsAt + 1)..], Window);
        PacketRewriter.WriteChecksum(checkedBytes, Pseudo + PacketRewriter.TcpChecksumAt, 0);
        _sockets[from].Tcp.SendTo(segment, to.WithPort(0).ToEndPoint());
    }

    private TransportAddress Add(KernelHost host)
    {
        var address = TransportAddress.From(host.Address, 0);
        _hosts.Add(address, host.Namespace);
        return address;
    }
}
