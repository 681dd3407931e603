namespace Porthole.NetworkTests.Probe;

/// <summary>
/// Holds what was measured with real sockets against what a model foresees. On a machine that has much to do a packet may be so late that it passes for lost, so they disagree when they do so every
/// time, each time with new sockets and routers.
/// </summary>
internal static class Agreement
{
    private const int Attempts = 3;

    /// <summary>Compares, again if need be.</summary>
    public static void Check(Func<(string Foreseen, string Measured)> measure) => CheckAsync(() => Task.FromResult(measure())).GetAwaiter().GetResult();

    /// <summary>Compares, again if need be.</summary>
    public static async Task CheckAsync(Func<Task<(string Foreseen, string Measured)>> measure)
    {
        for (int attempt = 1; ; attempt++)
        {
            var (foreseen, measured) = await TryAsync(measure);
            if (foreseen == measured) return;
            if (attempt == Attempts) Assert.Equal(foreseen, measured);
            TestContext.Current.SendDiagnosticMessage($"{TestContext.Current.Test?.TestDisplayName}: not {foreseen}, but {measured}");
        }
    }

    private static async Task<(string Foreseen, string Measured)> TryAsync(Func<Task<(string Foreseen, string Measured)>> measure)
    {
        try
        {
            return await measure();
        }
        catch (InvalidOperationException exception)
        {
            return ("a report", exception.Message); // the probe cannot go on without a packet that always passes
        }
    }
}
