namespace Porthole.Benchmarks.Harness;

/// <summary>What one round of one contender gave.</summary>
/// <param name="Value">The figure that is compared, in the unit of the comparison.</param>
/// <param name="Beside">Other figures of the round, which get columns of their own.</param>
internal readonly record struct Sample(double Value, params Sample.Figure[] Beside)
{
    /// <summary>A figure beside the one that is compared.</summary>
    /// <param name="Heading">The column it belongs to.</param>
    /// <param name="Value">The figure.</param>
    internal readonly record struct Figure(string Heading, double Value)
    {
        /// <summary>Managed bytes allocated.</summary>
        /// <param name="bytes">How many.</param>
        /// <param name="per">What they are counted by.</param>
        public static Figure Allocated(double bytes, string per) => new($"bytes allocated per {per}", bytes);
    }
}
