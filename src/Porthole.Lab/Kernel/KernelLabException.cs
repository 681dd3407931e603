namespace Porthole.Lab.Kernel;

/// <summary>The kernel refused to build or change a part of a <see cref="KernelLab"/>; the message holds the command and what it answered.</summary>
public sealed class KernelLabException : IOException
{
    /// <summary>An exception without a message.</summary>
    public KernelLabException()
    {
    }

    /// <summary>An exception that says what was refused.</summary>
    public KernelLabException(string message) : base(message)
    {
    }

    /// <summary>An exception that says what was refused and what caused it.</summary>
    public KernelLabException(string message, Exception? inner) : base(message, inner)
    {
    }
}
