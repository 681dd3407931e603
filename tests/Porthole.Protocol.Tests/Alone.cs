namespace Porthole.Protocol.Tests;

/// <summary>
/// Tests that count a thread's allocations to the byte: beside others they would see shared pools emptied by those.
/// </summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
