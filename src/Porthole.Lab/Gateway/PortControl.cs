using System.Buffers.Binary;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Gateway;

/// <summary>
/// The part of a router that maps ports on request: PCP (RFC 6887) and NAT-PMP (RFC 6886), written from the RFCs and not from the code that asks. It runs on the
/// router's inside address.
/// </summary>
public sealed class PortControl : IProtocolMachine
{
    private const byte PcpVersion = 2, NatPmpVersion = 0;
    private const byte AnswerBit = 0x80, Announce = 0, PcpMap = 1;
    private const byte UnsupportedVersion = 1, UnsupportedOpcode = 4, NoResources = 8, NatPmpNoResources = 4, NatPmpUnsupportedOpcode = 5;
    private const byte Tcp = 6, Udp = 17;
    private const int PcpHeader = 24, PcpMapLength = 60, NatPmpMap = 12;

    private readonly NatTable _nat;
    private readonly SocketId _socket;
    private readonly GatewayOptions _options;
    private readonly Queue<(TransportAddress To, byte[] Bytes)> _answers = [];
    private Instant _startedAt;

    internal PortControl(NatTable nat, SocketId socket, GatewayOptions options, Instant now) =>
        (_nat, _socket, _options, _startedAt) = (nat, socket, options, now);

    /// <summary>How many requests came, of any kind.</summary>
    public int Requests { get; private set; }

    /// <inheritdoc/>
    public Instant? NextDeadline => null;

    private TransportAddress Outside => _options.Claims is { } claim ? SimulatedNetwork.ParseAddress(claim) : _nat.ExternalAddresses[0];

    /// <summary>Starts again from nothing: every mapping is forgotten, and so is the epoch.</summary>
    public void Restart(Instant now)
    {
        _nat.Reset();
        _startedAt = now;
    }

    /// <inheritdoc/>
    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
        foreach (ref readonly var datagram in batch.Datagrams)
        {
            Requests++;
            var request = batch.Bytes(datagram);
            if (request.Length < 2 || (request[1] & AnswerBit) != 0) continue;
            byte[]? answer = request[0] == NatPmpVersion ? AnswerNatPmp(now, datagram.Remote, request) : AnswerPcp(now, datagram.Remote, request);
            if (answer is not null && _options.Spoils is { } spoils) answer = spoils(answer);
            if (answer is not null) _answers.Enqueue((datagram.Remote, answer));
        }
    }

    /// <inheritdoc/>
    public void HandleDeadline(Instant now)
    {
    }

    /// <inheritdoc/>
    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_answers.TryDequeue(out var answer)) return false;
        writer.Begin(_socket, answer.To);
        if (!writer.TryReserve(answer.Bytes.Length, out var room)) return false;
        answer.Bytes.CopyTo(room);
        writer.Commit(answer.Bytes.Length);
        return true;
    }

    private byte[]? AnswerPcp(Instant now, TransportAddress remote, ReadOnlySpan<byte> request)
    {
        if (!_options.Pcp) return _options.NatPmp ? [NatPmpVersion, (byte)(request[1] | AnswerBit), 0, UnsupportedVersion, .. Epoch(now)] : null;
        if (request.Length < PcpHeader || request[0] != PcpVersion) return null;
        byte[] answer = new byte[Math.Min(request.Length, PcpMapLength)];
        request[..answer.Length].CopyTo(answer);
        answer[1] |= AnswerBit;
        answer[3] = request[1] switch
        {
            Announce => 0,
            PcpMap when request.Length >= PcpMapLength => Map(now, remote, answer),
            _ => UnsupportedOpcode,
        };
        Epoch(now).CopyTo(answer.AsSpan(8));
        answer.AsSpan(12, 12).Clear();
        return answer;
    }

    private byte Map(Instant now, TransportAddress remote, Span<byte> message)
    {
        if (_options.Refuses != 0) return _options.Refuses;
        var map = message[PcpHeader..];
        if (map[12] is not (Tcp or Udp)) return 9;
        var inside = remote.WithPort(BinaryPrimitives.ReadUInt16BigEndian(map[16..]));
        uint lifetime = Math.Min(BinaryPrimitives.ReadUInt32BigEndian(message[4..]), (uint)_options.LongestLease.TotalSeconds);
        BinaryPrimitives.WriteUInt32BigEndian(message[4..], lifetime);
        if (!Map(now, map[12] == Tcp, inside, BinaryPrimitives.ReadUInt16BigEndian(map[18..]), lifetime, out ushort port)) return NoResources;
        BinaryPrimitives.WriteUInt16BigEndian(map[18..], port);
        map.Slice(20, 10).Clear();
        map.Slice(30, 2).Fill(0xFF);
        Outside.WriteAddress(map[32..]);
        return 0;
    }

    private byte[]? AnswerNatPmp(Instant now, TransportAddress remote, ReadOnlySpan<byte> request)
    {
        if (!_options.NatPmp) return _options.Pcp ? [PcpVersion, (byte)(request[1] | AnswerBit), 0, UnsupportedVersion, .. new byte[4], .. Epoch(now), .. new byte[12]] : null;
        byte opcode = request[1];
        if (opcode == Announce)
        {
            byte[] address = new byte[4];
            Outside.WriteAddress(address);
            return [NatPmpVersion, AnswerBit, 0, 0, .. Epoch(now), .. address];
        }

        if (opcode > 2 || request.Length < NatPmpMap) return [NatPmpVersion, (byte)(opcode | AnswerBit), 0, NatPmpUnsupportedOpcode, .. Epoch(now)];
        byte result = _options.Refuses;
        uint lifetime = Math.Min(BinaryPrimitives.ReadUInt32BigEndian(request[8..]), (uint)_options.LongestLease.TotalSeconds);
        ushort port = 0;
        var inside = remote.WithPort(BinaryPrimitives.ReadUInt16BigEndian(request[4..]));
        if (result == 0 && !Map(now, opcode == 2, inside, BinaryPrimitives.ReadUInt16BigEndian(request[6..]), lifetime, out port)) result = NatPmpNoResources;
        byte[] answer = [NatPmpVersion, (byte)(opcode | AnswerBit), 0, result, .. Epoch(now), .. request[4..6], 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt16BigEndian(answer.AsSpan(10), port);
        BinaryPrimitives.WriteUInt32BigEndian(answer.AsSpan(12), lifetime);
        return answer;
    }

    private bool Map(Instant now, bool isTcp, TransportAddress inside, ushort wanted, uint lifetime, out ushort port)
    {
        var protocol = isTcp ? NatProtocol.Tcp : NatProtocol.Udp;
        port = 0;
        if (lifetime == 0)
        {
            _nat.RemovePortMapping(now, protocol, inside);
            return true;
        }

        if (!_nat.TryAddPortMapping(now, protocol, inside, wanted, TimeSpan.FromSeconds(lifetime), out var external)) return false;
        port = external.Port;
        return true;
    }

    private byte[] Epoch(Instant now)
    {
        byte[] epoch = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(epoch, (uint)(now - _startedAt).TotalSeconds);
        return epoch;
    }
}
