namespace Porthole.Protocol.Rendezvous;

/// <summary>Counts the private host candidates of one peer against <see cref="RendezvousLimits.MaxPrivateCandidates"/>, those of UDP and those of TCP apart.</summary>
internal struct LocalCandidateCount
{
    private int _udp;
    private int _tcp;

    /// <summary>Counts a candidate.</summary>
    /// <returns>False when there were as many of its transport before.</returns>
    public bool TryTake(CandidateInfo candidate)
    {
        ref int count = ref candidate.Transport == CandidateTransport.Udp ? ref _udp : ref _tcp;
        if (count == RendezvousLimits.MaxPrivateCandidates) return false;
        count++;
        return true;
    }
}
