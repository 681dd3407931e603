namespace Porthole.Protocol;

/// <summary>
/// Protocol logic without sockets, threads, a clock or chance: bytes and a moment go in; datagrams, events and the next deadline come out.
/// </summary>
/// <remarks>
/// The rules of use, kept by the one driver and the one simulation:
/// one input, then drain every output until it answers false; <c>now</c> never goes back; a spurious deadline is harmless; borrowed bytes last until the
/// call returns; a machine is used by one thread at a time.
/// </remarks>
public interface IProtocolMachine
{
    /// <summary>When to call <see cref="HandleDeadline"/> if nothing arrives first; null when only input can wake the machine.</summary>
    Instant? NextDeadline { get; }

    /// <summary>Takes datagrams that arrived together.</summary>
    void HandleDatagrams(Instant now, in DatagramBatch batch);

    /// <summary>Takes the passing of time. A call that comes too early, or for nothing, does nothing.</summary>
    void HandleDeadline(Instant now);

    /// <summary>Writes the next outgoing batch into driver memory.</summary>
    /// <returns>False when there is nothing to send; the writer is then untouched.</returns>
    bool TryWrite(Instant now, ref DatagramBatchWriter writer);
}
