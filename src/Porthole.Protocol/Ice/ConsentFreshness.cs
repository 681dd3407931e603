namespace Porthole.Protocol.Ice;

/// <summary>
/// The other agent's consent to receive on one pair (RFC 7675 section 5.1): asked for every five seconds or so, over thirty seconds after the last
/// answer.
/// </summary>
internal sealed class ConsentFreshness
{
    private readonly IceOptions _options;
    private readonly EntropySource _entropy;

    public ConsentFreshness(Instant now, IceOptions options, EntropySource entropy)
    {
        (_options, _entropy) = (options, entropy);
        Expiry = now + options.ConsentTimeout;
        NextCheck = now + Pause();
    }

    public Instant Expiry { get; private set; }

    public Instant NextCheck { get; private set; }

    /// <summary>A check was sent. Whether it is answered or not, the next follows: consent checks are not retransmitted.</summary>
    public void HandleSent(Instant now) => NextCheck = now + Pause();

    public void HandleAnswer(Instant now) => Expiry = now + _options.ConsentTimeout;

    // RFC 7675 section 5.1: spread out by a factor of 0.8 to 1.2, so that the checks of many agents do not fall into step.
    private TimeSpan Pause() => _options.ConsentInterval * _entropy.NextDouble(0.8, 1.2);
}
