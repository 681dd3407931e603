using System.Collections.Immutable;
using Porthole.Lab.Nat;
using Porthole.Protocol;

namespace Porthole.Lab.Probe;

/// <summary>As <see cref="MiddleboxNetwork"/>, with SYNs for datagrams.</summary>
/// <param name="box">The NAT or firewall.</param>
/// <param name="inside">The two hosts inside.</param>
/// <param name="outside">The two addresses outside.</param>
public sealed class MiddleboxTcpNetwork(IMiddlebox box, ImmutableArray<TransportAddress> inside, ImmutableArray<TransportAddress> outside)
    : MiddleboxNetwork(box, inside, outside), ITcpProbeNetwork
{
    private readonly Dictionary<uint, UnsolicitedSyn> _answers = [];

    /// <inheritdoc/>
    public override void Send(TransportAddress from, TransportAddress to, uint number)
    {
        var verdict = Pass(NatPacket.Tcp(from, to, TcpBits.Syn));
        if (verdict.IsTranslated) Deliver(verdict.Packet, number);
        _answers[number] = verdict.Action switch
        {
            NatAction.Reset => UnsolicitedSyn.Reset,
            NatAction.PortUnreachable => UnsolicitedSyn.PortUnreachable,
            NatAction.Prohibited => UnsolicitedSyn.Prohibited,
            _ => UnsolicitedSyn.Drop,
        };
    }

    /// <inheritdoc/>
    public void Refuse(TransportAddress from, TransportAddress to, uint number) => Pass(NatPacket.Tcp(from, to, TcpBits.Reset | TcpBits.Ack));

    /// <inheritdoc/>
    public UnsolicitedSyn SeeAnswer(TransportAddress at, uint number) => _answers[number];
}
