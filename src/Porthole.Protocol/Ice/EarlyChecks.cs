namespace Porthole.Protocol.Ice;

/// <summary>What an authenticated check said.</summary>
internal readonly record struct ReceivedCheck(SocketId Socket, TransportAddress Remote, uint Priority, bool UseCandidate);

/// <summary>
/// Checks that came, and were answered, before the other agent's credentials (RFC 8445 section 7.3): they trigger as soon as credentials are there.
/// </summary>
internal sealed class EarlyChecks
{
    /// <summary>The most checks that are remembered. More addresses than the other agent may have candidates tell nothing new.</summary>
    public const int Limit = IceOptions.CandidateLimit;

    private readonly List<(ReceivedCheck Check, string RemoteFragment)> _checks = [];

    public int Count => _checks.Count;

    /// <param name="check">The check.</param>
    /// <param name="remoteFragment">Whose check it says it is; the credentials will tell.</param>
    public void Remember(in ReceivedCheck check, ReadOnlySpan<char> remoteFragment)
    {
        for (int i = 0; i < _checks.Count; i++)
        {
            var (known, fragment) = _checks[i];
            if (known.Socket != check.Socket || known.Remote != check.Remote || !remoteFragment.SequenceEqual(fragment)) continue;
            _checks[i] = (check with { UseCandidate = check.UseCandidate || known.UseCandidate }, fragment);
            return;
        }

        if (_checks.Count < Limit) _checks.Add((check, remoteFragment.ToString()));
    }

    /// <summary>Takes the oldest; those of another agent than <paramref name="remoteFragment"/> are forgotten.</summary>
    public bool TryTake(string remoteFragment, out ReceivedCheck check)
    {
        while (_checks.Count > 0)
        {
            (check, string fragment) = _checks[0];
            _checks.RemoveAt(0);
            if (fragment == remoteFragment) return true;
        }

        check = default;
        return false;
    }
}
