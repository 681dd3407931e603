using System.Globalization;
using Porthole;

/// <summary>Another player, as seen from here: the newest position, and how well positions arrive.</summary>
internal sealed class Player(PeerConnection connection)
{
    private readonly Lock _gate = new();
    private Position _newest;
    private uint _first;
    private uint _lastArrival;
    private uint _lastSentAt;
    private double _jitter;
    private long _received;
    private long _late;
    private long _shown;

    public PeerConnection Connection => connection;

    public string Name => connection.RemoteName ?? connection.RemotePeerId.Short;

    /// <summary>Takes a position. One that is older than the newest counts, but moves nobody.</summary>
    /// <param name="position">The position.</param>
    /// <param name="now">The clock here, in microseconds; it may wrap.</param>
    public void Take(Position position, uint now)
    {
        lock (_gate)
        {
            if (_received++ == 0)
            {
                (_first, _newest) = (position.Sequence, position);
            }
            else
            {
                // Differences alone count, so that the two clocks need not agree (RFC 3550 section 6.4.1).
                double difference = Math.Abs((int)(now - _lastArrival - (position.SentAt - _lastSentAt)));
                _jitter += (difference - _jitter) / 16;
                if ((int)(position.Sequence - _newest.Sequence) > 0) _newest = position;
                else _late++;
            }

            (_lastArrival, _lastSentAt) = (now, position.SentAt);
        }
    }

    /// <summary>How it went since the last time, and in all.</summary>
    public string Report(TimeSpan since)
    {
        lock (_gate)
        {
            long sent = _received == 0 ? 0 : (long)(_newest.Sequence - _first) + 1;
            double loss = sent == 0 ? 0 : 100.0 * Math.Max(0, sent - _received) / sent;
            double rate = (_received - _shown) / since.TotalSeconds;
            _shown = _received;
            return string.Create(
                CultureInfo.InvariantCulture,
                $"{Name} at {_newest.X:0.0},{_newest.Y:0.0}: {rate:0.0}/s, {_received} received, loss {loss:0.0} %, {_late} late, jitter {_jitter / 1_000:0.00} ms, {connection.Path.Kind}");
        }
    }
}
