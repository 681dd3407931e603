namespace Porthole.Protocol.Discovery;

/// <summary>
/// Recognises NATs that end a mapping at an age, whatever its traffic: the mapped address of a socket that is refreshed all the time changes again and again after about the same
/// time. Once may be a router that was restarted; twice is a habit.
/// </summary>
internal sealed class AgeLimit
{
    /// <summary>The silence before a change must be no longer than this: the usual refresh, and one that was lost. Else the NAT may have forgotten for lack of traffic.</summary>
    public static readonly TimeSpan LongestGap = TimeSpan.FromSeconds(60);

    /// <summary>An age below this is not worth new ports all the time.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMinutes(2);

    /// <summary>How long before its end a mapping is to be replaced: a punch and a move take seconds.</summary>
    public static readonly TimeSpan Margin = TimeSpan.FromSeconds(30);

    private (TimeSpan Least, TimeSpan Most)? _suspected;

    /// <summary>The age that mappings were seen to reach, and not much more; null while there is no sign of a limit.</summary>
    public TimeSpan? Age { get; private set; }

    /// <summary>Takes the end of a mapping that was in use: it lived for something between the two times.</summary>
    public void HandleEnd(TimeSpan least, TimeSpan most)
    {
        if (most < Shortest) return;
        if (_suspected is { } before && least <= before.Most && before.Least <= most)
        {
            _suspected = (least > before.Least ? least : before.Least, most < before.Most ? most : before.Most);
            Age = _suspected.Value.Least > Shortest ? _suspected.Value.Least : Shortest;
        }
        else
        {
            _suspected = (least, most);
        }
    }
}
