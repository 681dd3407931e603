namespace Porthole.NetworkTests;

/// <summary>The tests that no others may run beside.</summary>
[CollectionDefinition(DisableParallelization = true)]
public sealed class Alone;
