using Porthole.Protocol.Discovery;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Peer;

/// <summary>
/// Asks STUN servers what fresh sockets look like from outside. Each question is sent once: one that is repeated might reach the NAT in another order than it
/// was meant to, and tell of another mapping.
/// </summary>
internal sealed class FreshQuestions(PeerContext context)
{
    private readonly List<Question> _open = [];

    /// <summary>The servers that a local address can ask, the main one first.</summary>
    public List<TransportAddress> ServersFor(TransportAddress local)
    {
        var servers = new List<TransportAddress>();
        foreach (var server in context.StunServers)
        {
            if (ProbeMessage.CanReach(local, server)) servers.Add(server);
        }

        return servers;
    }

    /// <summary>Writes a question.</summary>
    /// <param name="destination">Room for <see cref="ProbeMessage.MaxRequest"/> bytes.</param>
    /// <param name="socket">The socket that asks.</param>
    /// <param name="server">Who is asked.</param>
    /// <returns>Its length.</returns>
    public int Write(Span<byte> destination, FreshSocket socket, TransportAddress server)
    {
        var id = TransactionId.Create(context.Entropy);
        _open.Add(new Question(id, socket, server));
        return ProbeMessage.WriteRequest(destination, id, context.Probing.Shown(socket.Local), context.StunCredential);
    }

    /// <summary>Takes a STUN message.</summary>
    /// <param name="socket">The socket it came to.</param>
    /// <param name="remote">Who sent it.</param>
    /// <param name="bytes">The message.</param>
    /// <param name="answer">What it says; null when it says nothing.</param>
    /// <returns>Whether it answers one of the questions, genuinely or not.</returns>
    public bool Handle(SocketId socket, TransportAddress remote, ReadOnlySpan<byte> bytes, out FreshAnswer? answer)
    {
        answer = null;
        if (_open.Count == 0 || !StunReader.TryParse(bytes, out var message) || !ProbeMessage.IsAnswer(message)) return false;
        for (int i = 0; i < _open.Count; i++)
        {
            var question = _open[i];
            if (question.Id != message.TransactionId) continue;
            if (question.Socket.Id != socket || question.Server != remote) return true;
            if (ProbeMessage.Judge(message, context.StunCredential, question.Socket.Local, out var mapped, out var proof) != ProbeVerdict.Mapped) return true;
            _open.RemoveAt(i);
            answer = new FreshAnswer(question.Socket, question.Server, mapped, proof.ToArray());
            return true;
        }

        return false;
    }

    /// <summary>Forgets all that was asked.</summary>
    public void Clear() => _open.Clear();

    private readonly record struct Question(TransactionId Id, FreshSocket Socket, TransportAddress Server);
}

/// <summary>What a server saw of a fresh socket.</summary>
/// <param name="Socket">The socket.</param>
/// <param name="Server">Who was asked.</param>
/// <param name="Mapped">What it saw.</param>
/// <param name="Proof">The proof of that; empty if it gave none.</param>
internal sealed record FreshAnswer(FreshSocket Socket, TransportAddress Server, TransportAddress Mapped, ReadOnlyMemory<byte> Proof);
