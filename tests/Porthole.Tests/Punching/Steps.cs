using Porthole.Punching;

namespace Porthole.Tests.Punching;

/// <summary>Keeps what a punch reports.</summary>
internal sealed class Steps : IProgress<PunchProgress>
{
    public List<PunchProgress> Seen { get; } = [];

    public Action<PunchProgress>? Told { get; init; }

    /// <summary>Keeps what is reported, and tells when a step is.</summary>
    public static Steps Until(PunchStep step, out Task reached)
    {
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        reached = told.Task;
        return new Steps
        {
            Told = one =>
            {
                if (one.Step == step) told.TrySetResult();
            },
        };
    }

    public void Report(PunchProgress value)
    {
        Seen.Add(value);
        Told?.Invoke(value);
    }
}
