namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// Which method led to a direct path between two networks: networks and small scores, nothing about peers. The best goes into the next plans as a hint.
/// </summary>
/// <remarks>
/// Whoever says that something worked cannot be checked. It is harmless: both sides plan from the facts that they measured, the hint only changes the order in which
/// they try what they would try anyway, and a liar can only change it between its own network and another.
/// </remarks>
/// <param name="capacity">The most pairs of networks; the one whose success is longest ago gives way.</param>
internal sealed class PlanMemory(int capacity)
{
    /// <summary>A method that has just worked comes to half of it, so that two failures in a row are forgiven, and four failures end the best.</summary>
    private const byte MaxScore = 4;

    private const byte Reward = 2;

    /// <summary>How long after its last success a pair is forgotten: people come back within a week, and providers rebuild their networks seldom.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromDays(7);

    private readonly Dictionary<NetworkPair, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _order = new();

    public int Count => _entries.Count;

    /// <summary>When the oldest pair is to be forgotten; null when there is none.</summary>
    public Instant? NextDeadline => _order.First is { } oldest ? oldest.Value.At + Lifetime : null;

    /// <summary>The method to begin with; null when none is known to work.</summary>
    public PunchMethod? Find(Instant now, NetworkPair pair) =>
        _entries.TryGetValue(pair, out var node) && node.Value.At + Lifetime > now ? node.Value.Best : null;

    /// <summary>Notes what a punch came to.</summary>
    /// <param name="now">The moment.</param>
    /// <param name="pair">Between which networks.</param>
    /// <param name="method">What led to a direct path; <see cref="PunchMethod.Relay"/> when nothing did, which is not remembered but counts against what is.</param>
    public void Note(Instant now, NetworkPair pair, PunchMethod method)
    {
        Forget(now);
        bool isKnown = _entries.TryGetValue(pair, out var node);
        if (method == PunchMethod.Relay)
        {
            if (isKnown && !node!.Value.Weaken(method)) Remove(node);
            return;
        }

        if (capacity == 0) return;
        if (isKnown) _order.Remove(node!);
        else if (_entries.Count == capacity) Remove(_order.First!);
        node ??= new LinkedListNode<Entry>(new Entry(pair));
        node.Value.At = now;
        node.Value.Weaken(method);
        node.Value.Strengthen(method);
        _entries[pair] = node;
        _order.AddLast(node);
    }

    /// <summary>Forgets what is too old.</summary>
    public void Forget(Instant now)
    {
        while (_order.First is { } oldest && oldest.Value.At + Lifetime <= now) Remove(oldest);
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _entries.Remove(node.Value.Pair);
        _order.Remove(node);
    }

    private sealed class Entry(NetworkPair pair)
    {
        private readonly byte[] _scores = new byte[(int)PunchMethod.Relay];

        public NetworkPair Pair { get; } = pair;

        /// <summary>When something last worked.</summary>
        public Instant At { get; set; }

        /// <summary>Of two that are equal the simpler one.</summary>
        public PunchMethod Best => (PunchMethod)Array.IndexOf(_scores, _scores.Max());

        public void Strengthen(PunchMethod method) => _scores[(int)method] = Math.Min(MaxScore, (byte)(_scores[(int)method] + Reward));

        /// <summary>Takes one from each method but one.</summary>
        /// <returns>Whether any is left.</returns>
        public bool Weaken(PunchMethod except)
        {
            for (int i = 0; i < _scores.Length; i++)
            {
                if (i != (int)except && _scores[i] > 0) _scores[i]--;
            }

            return _scores.AsSpan().ContainsAnyExcept((byte)0);
        }
    }
}
