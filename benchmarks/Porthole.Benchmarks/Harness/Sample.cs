namespace Porthole.Benchmarks.Harness;

/// <summary>What one round of one contender gave.</summary>
/// <param name="Value">The figure, in the unit of the comparison.</param>
/// <param name="Allocated">Managed bytes allocated per operation; null where that says nothing.</param>
/// <param name="Processor">Processor seconds of the whole process per gigabyte; null where that says nothing.</param>
internal readonly record struct Sample(double Value, double? Allocated = null, double? Processor = null);
