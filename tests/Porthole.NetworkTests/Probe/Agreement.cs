namespace Porthole.NetworkTests.Probe;

/// <summary>
/// Holds what was measured with real sockets against what a model foresees. On a machine that has much to do a packet may be so late that it passes for lost, so they disagree when they do so every
/// time, each time with new sockets and routers, and with more patience.
/// </summary>
internal static class Agreement
{
    private const int Attempts = 3;

    private static readonly TimeSpan s_morePatience = TimeSpan.FromSeconds(1);

    /// <summary>Compares, again if need be.</summary>
    /// <param name="measure">Foresees and measures; it is given how much longer than usual to wait for a packet.</param>
    public static void Check(Func<TimeSpan, (string Foreseen, string Measured)> measure) =>
        CheckAsync(morePatience => Task.FromResult(measure(morePatience))).GetAwaiter().GetResult();

    /// <summary>As the other.</summary>
    public static async Task CheckAsync(Func<TimeSpan, Task<(string Foreseen, string Measured)>> measure)
    {
        for (int attempt = 1; ; attempt++)
        {
            var (foreseen, measured) = await TryAsync(measure, s_morePatience * (attempt - 1));
            if (foreseen == measured) return;
            if (attempt == Attempts) Assert.Equal(foreseen, measured);
            TestContext.Current.SendDiagnosticMessage($"{TestContext.Current.Test?.TestDisplayName}: not {foreseen}, but {measured}");
        }
    }

    private static async Task<(string Foreseen, string Measured)> TryAsync(Func<TimeSpan, Task<(string Foreseen, string Measured)>> measure, TimeSpan morePatience)
    {
        try
        {
            return await measure(morePatience);
        }
        catch (InvalidOperationException exception)
        {
            return ("a report", exception.Message); // the probe cannot go on without a packet that always passes
        }
    }
}
