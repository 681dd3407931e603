namespace Porthole.Protocol.PortMapping;

/// <summary>What came of asking gateways for ports.</summary>
internal abstract record PortMapperEvent
{
    private PortMapperEvent() { }

    /// <summary>A port is mapped, or its mapping is another than before.</summary>
    /// <param name="Port">The mapping.</param>
    public sealed record Mapped(MappedPort Port) : PortMapperEvent;

    /// <summary>A mapping is gone.</summary>
    /// <param name="Port">The mapping.</param>
    public sealed record Lost(MappedPort Port) : PortMapperEvent;

    /// <summary>A gateway maps nothing.</summary>
    /// <param name="Line">One line for a person: which gateway, and what each protocol met.</param>
    /// <param name="WasAnswered">Whether anything came from it, by any protocol.</param>
    public sealed record Failed(string Line, bool WasAnswered) : PortMapperEvent;
}
