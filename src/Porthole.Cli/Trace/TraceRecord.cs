namespace Porthole.Cli.Trace;

/// <summary>What a trace has kept.</summary>
/// <param name="Began">When it began.</param>
/// <param name="Entries">What happened, in order.</param>
/// <param name="Dropped">What came after the limit, and was not kept.</param>
/// <param name="RelayedDropped">Relayed packets that were seen and not kept.</param>
internal sealed record TraceRecord(DateTimeOffset Began, IReadOnlyList<TraceEntry> Entries, int Dropped, int RelayedDropped);
