namespace Porthole.Protocol.Ice;

/// <summary>
/// The other agent's consent to receive on one pair (RFC 7675 section 5.1): asked for every five seconds or so, over thirty seconds after the last
/// answer. On a pair that carries nothing it is asked for as seldom as the NATs allow; what is not answered then is soon asked again.
/// </summary>
internal sealed class ConsentFreshness
{
    /// <summary>The pause after a check on an idle pair, while no answer comes: some fit into the time that is left.</summary>
    private static readonly TimeSpan s_idleRetry = TimeSpan.FromSeconds(2);

    private readonly IceOptions _options;
    private readonly EntropySource _entropy;
    private TimeSpan? _idlePause;

    public ConsentFreshness(Instant now, IceOptions options, EntropySource entropy, TimeSpan? idlePause)
    {
        (_options, _entropy, _idlePause) = (options, entropy, idlePause);
        Expiry = now + options.ConsentTimeout;
        NextCheck = now + Pause();
    }

    public Instant Expiry { get; private set; }

    public Instant NextCheck { get; private set; }

    /// <summary>A check was sent. Whether it is answered or not, the next follows: consent checks are not retransmitted.</summary>
    public void HandleSent(Instant now) => NextCheck = now + (_idlePause is { } idle && idle > s_idleRetry ? s_idleRetry : Pause());

    public void HandleAnswer(Instant now)
    {
        Expiry = now + _options.ConsentTimeout;
        if (_idlePause is not null) NextCheck = now + Pause();
    }

    /// <summary>The pair carries nothing, and its NATs want to see something this often; null when it is in use again.</summary>
    public void SetIdle(Instant now, TimeSpan? pause)
    {
        _idlePause = pause;
        if (pause is null) NextCheck = Instant.Min(NextCheck, now + Pause());
    }

    // RFC 7675 section 5.1: spread out by a factor of 0.8 to 1.2, so that the checks of many agents do not fall into step.
    private TimeSpan Pause() => (_idlePause ?? _options.ConsentInterval) * _entropy.NextDouble(0.8, 1.2);
}
