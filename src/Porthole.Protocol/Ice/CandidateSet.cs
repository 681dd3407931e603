using System.Diagnostics.CodeAnalysis;

namespace Porthole.Protocol.Ice;

/// <summary>One side's candidates, no two with one transport, address and base, and never more than the limit of each transport.</summary>
internal sealed class CandidateSet(int limit, int tcpLimit)
{
    private readonly List<Candidate> _candidates = [];

    public IReadOnlyList<Candidate> All => _candidates;

    public bool IsFull(Transports transport)
    {
        int count = 0;
        foreach (var known in _candidates)
        {
            if (known.Transport == transport) count++;
        }

        return count >= (transport == Transports.Tcp ? tcpLimit : limit);
    }

    public bool TryAdd(Candidate candidate)
    {
        if (IsFull(candidate.Transport) || !candidate.IsReachable || TryFind(candidate.Transport, candidate.Socket, candidate.Address, out _)) return false;
        _candidates.Add(candidate);
        return true;
    }

    /// <summary>Finds the candidate with an address; remote candidates have no socket, so that theirs is the default.</summary>
    public bool TryFind(Transports transport, SocketId socket, TransportAddress address, [NotNullWhen(true)] out Candidate? candidate)
    {
        candidate = null;
        foreach (var known in _candidates)
        {
            if (known.Address == address && known.Socket == socket && known.Transport == transport) candidate = known;
        }

        return candidate is not null;
    }

    /// <summary>Finds the candidate that a socket sends from: its host or relayed candidate, or what is known of it.</summary>
    public bool TryFindSender(SocketId socket, [NotNullWhen(true)] out Candidate? sender)
    {
        sender = null;
        foreach (var known in _candidates)
        {
            if (known.Socket == socket && (sender is null || known.Priority > sender.Priority)) sender = known;
        }

        return sender is not null;
    }

    public void Replace(Candidate known, Candidate better) => _candidates[_candidates.IndexOf(known)] = better;

    public void Remove(Candidate candidate) => _candidates.Remove(candidate);

    public void RemoveSocket(SocketId socket)
    {
        for (int i = _candidates.Count - 1; i >= 0; i--)
        {
            if (_candidates[i].Socket == socket) _candidates.RemoveAt(i);
        }
    }
}
