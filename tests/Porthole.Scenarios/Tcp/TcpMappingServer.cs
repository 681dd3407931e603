using Porthole.Lab;
using Porthole.Protocol;
using Porthole.Protocol.Stun;

namespace Porthole.Scenarios.Tcp;

/// <summary>A server that tells whoever connects from where it sees him.</summary>
internal sealed class TcpMappingServer : ISocketUser
{
    private const ushort FirstPort = 3_478;

    private readonly Queue<SocketRequest> _requests = [];
    private readonly Queue<(SocketId Socket, TransportAddress Remote)> _answers = [];

    private TcpMappingServer(TransportAddress address) => _requests.Enqueue(new SocketRequest.TcpListen(new SocketId(1), address, Shared: false, MessageFraming.Stun));

    public Instant? NextDeadline => null;

    /// <summary>Runs a server with some ports, one after the other.</summary>
    /// <returns>The address of the first.</returns>
    public static TransportAddress Run(Simulation lab, int ports = 1)
    {
        var host = lab.Internet.AddHost("server", "198.51.100.10");
        for (int i = 0; i < ports; i++) host.Run(new TcpMappingServer(host.Addresses[0].WithPort((ushort)(FirstPort + i))));
        return host.Addresses[0].WithPort(FirstPort);
    }

    public void HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (socketEvent is SocketEvent.Accepted accepted) _answers.Enqueue((accepted.Socket, accepted.Remote));
    }

    public bool TryTakeSocketRequest([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out SocketRequest? request) => _requests.TryDequeue(out request);

    public void HandleDatagrams(Instant now, in DatagramBatch batch)
    {
    }

    public void HandleDeadline(Instant now)
    {
    }

    public bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (!_answers.TryDequeue(out var answer) || !writer.TryReserve(64, out var buffer)) return false;
        var message = new StunWriter(buffer, StunClass.SuccessResponse, StunMethod.Binding, default);
        message.WriteXorAddress(StunAttributeType.XorMappedAddress, answer.Remote);
        writer.Begin(answer.Socket, answer.Remote);
        writer.Commit(message.Length);
        return true;
    }
}
