namespace Porthole.Hosting;

/// <summary>How the node of a program stands.</summary>
/// <param name="Kind">In one word.</param>
/// <param name="Text">In one line for a person: since when it is so is in the log.</param>
public sealed record PortholeStatus(PortholeStatusKind Kind, string Text);
