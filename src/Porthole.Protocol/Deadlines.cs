using System.Runtime.CompilerServices;

namespace Porthole.Protocol;

/// <summary>
/// One alarm per reason to wake. It stands in for timer objects: a driver needs only the earliest moment and never knows why it woke.
/// </summary>
/// <typeparam name="TReason">An enum whose members count up from zero.</typeparam>
public sealed class Deadlines<TReason>
    where TReason : unmanaged, Enum
{
    private readonly Instant[] _at;

    /// <summary>Creates a table with no alarm set.</summary>
    public Deadlines()
    {
        _at = new Instant[Enum.GetValues<TReason>().Length];
        Array.Fill(_at, Instant.Never);
    }

    /// <summary>The earliest alarm; null when none is set.</summary>
    public Instant? Next
    {
        get
        {
            var next = Instant.Never;
            foreach (var at in _at) next = Instant.Min(next, at);
            return next == Instant.Never ? null : next;
        }
    }

    /// <summary>The alarm of one reason; null clears it.</summary>
    public Instant? this[TReason reason]
    {
        get => _at[Index(reason)] is var at && at == Instant.Never ? null : at;
        set => _at[Index(reason)] = value ?? Instant.Never;
    }

    /// <summary>Takes one alarm that is due at <paramref name="now"/>, the earliest first, and clears it.</summary>
    /// <returns>False when none is due.</returns>
    public bool TryTakeDue(Instant now, out TReason reason)
    {
        int due = -1;
        for (int i = 0; i < _at.Length; i++)
        {
            if (_at[i] <= now && (due < 0 || _at[i] < _at[due])) due = i;
        }

        reason = default;
        if (due < 0 || _at[due] == Instant.Never) return false;
        _at[due] = Instant.Never;
        reason = Reason(due);
        return true;
    }

    private static int Index(TReason reason) => Unsafe.SizeOf<TReason>() switch
    {
        1 => Unsafe.As<TReason, byte>(ref reason),
        2 => Unsafe.As<TReason, ushort>(ref reason),
        _ => Unsafe.As<TReason, int>(ref reason),
    };

    private static TReason Reason(int index) => (TReason)Enum.ToObject(typeof(TReason), index);
}
