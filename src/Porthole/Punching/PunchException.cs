namespace Porthole.Punching;

/// <summary>A bare punch failed. <see cref="Step"/> says where; the message is one line for a person: what, why, and what to do.</summary>
public sealed class PunchException : IOException
{
    /// <summary>Creates an exception.</summary>
    /// <param name="step">The step that failed.</param>
    /// <param name="message">One line for a person.</param>
    /// <param name="inner">What caused it, if that was an exception.</param>
    public PunchException(PunchStep step, string message, Exception? inner = null)
        : base(message, inner) => Step = step;

    /// <summary>The step that failed.</summary>
    public PunchStep Step { get; }
}
