using System.Globalization;

namespace Porthole.Protocol.Rendezvous;

/// <summary>
/// Which run of a program: one identity may be online several times. Drawn at random when the program starts, and kept over reconnects, so that the
/// server can tell a second log-in from the return of the first.
/// </summary>
/// <param name="Value">The 64 bits; 0 is no instance.</param>
public readonly record struct InstanceId(ulong Value)
{
    /// <summary>Draws a new id.</summary>
    public static InstanceId Create(EntropySource entropy) => new(SessionId.Create(entropy).Value);

    /// <summary>Reads 16 hexadecimal digits.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out InstanceId id)
    {
        bool parsed = SessionId.TryParse(text, out var number);
        id = new InstanceId(number.Value);
        return parsed;
    }

    /// <summary>16 hexadecimal digits.</summary>
    public override string ToString() => Value.ToString("x16", CultureInfo.InvariantCulture);
}
