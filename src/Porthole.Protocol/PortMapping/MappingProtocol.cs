namespace Porthole.Protocol.PortMapping;

/// <summary>Whether a gateway speaks a protocol.</summary>
internal enum ProtocolState
{
    /// <summary>It was asked and has not answered.</summary>
    Asking,

    /// <summary>It does.</summary>
    Works,

    /// <summary>It does not, or nothing comes of it.</summary>
    Fails,
}

/// <summary>What a protocol has to say of the mappings it was asked for.</summary>
internal abstract record MappingResult
{
    private MappingResult() { }

    /// <summary>The gateway maps a port.</summary>
    /// <param name="Entry">Which.</param>
    /// <param name="External">Where.</param>
    /// <param name="Lease">For how long.</param>
    public sealed record Granted(MappingEntry Entry, TransportAddress External, TimeSpan Lease) : MappingResult;

    /// <summary>It does not.</summary>
    /// <param name="Entry">What was asked for.</param>
    /// <param name="Line">Why, in a few words behind the protocol's name.</param>
    public sealed record Denied(MappingEntry Entry, string Line) : MappingResult;

    /// <summary>The gateway has been restarted: what it mapped is gone.</summary>
    public sealed record StateLost : MappingResult;
}

/// <summary>One way to ask one gateway: what it takes to find out whether it is spoken, to ask for ports and to give them back.</summary>
internal abstract class MappingProtocol(PortMappingProtocol kind)
{
    public PortMappingProtocol Kind { get; } = kind;

    public ProtocolState State { get; private set; }

    /// <summary>Why it fails, for a person; empty while it does not.</summary>
    public string Problem { get; private set; } = "";

    /// <summary>Whether anything came from the gateway by this protocol.</summary>
    public bool WasAnswered { get; protected set; }

    /// <summary>What there is to say, in order.</summary>
    public Queue<MappingResult> Results { get; } = [];

    public abstract Instant? NextDeadline { get; }

    /// <summary>How often <see cref="Check"/> is of use.</summary>
    public virtual TimeSpan CheckPeriod => PortMappingLimits.CheckPeriod;

    /// <summary>Finds out whether the gateway speaks it. Changes nothing there.</summary>
    public abstract void Begin(Instant now);

    /// <summary>Asks for a mapping, or for more time.</summary>
    public abstract void Map(Instant now, MappingEntry entry);

    /// <summary>Gives a mapping back. Nobody waits for an answer.</summary>
    public abstract void Unmap(Instant now, MappingEntry entry);

    /// <summary>Finds out whether the gateway still knows its mappings; <see cref="MappingResult.StateLost"/> follows if not.</summary>
    public abstract void Check(Instant now);

    public abstract void HandleDeadline(Instant now);

    /// <summary>Takes a datagram of the gateway.</summary>
    public abstract void HandleDatagram(Instant now, TransportAddress remote, ReadOnlySpan<byte> datagram);

    public abstract bool TryWrite(Instant now, ref DatagramBatchWriter writer);

    /// <summary>Takes what became of an HTTP request.</summary>
    /// <returns>Whether it was one of this protocol's.</returns>
    public virtual bool HandleSocketEvent(Instant now, SocketEvent socketEvent) => false;

    /// <summary>Gives up, for another protocol does it better.</summary>
    public virtual void Abandon()
    {
    }

    /// <summary>Marks it as one that does not do it after all.</summary>
    public void Fail(string problem) => (State, Problem) = (ProtocolState.Fails, problem);

    protected void Succeed() => (State, Problem) = (ProtocolState.Works, "");

    protected void Restart() => (State, Problem, WasAnswered) = (ProtocolState.Asking, "", false);
}
