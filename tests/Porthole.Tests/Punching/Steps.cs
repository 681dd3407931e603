using Porthole.Punching;

namespace Porthole.Tests.Punching;

/// <summary>Keeps what a punch reports.</summary>
internal sealed class Steps : IProgress<PunchProgress>
{
    public List<PunchProgress> Seen { get; } = [];

    public Action<PunchProgress>? Told { get; init; }

    public void Report(PunchProgress value)
    {
        Seen.Add(value);
        Told?.Invoke(value);
    }
}
