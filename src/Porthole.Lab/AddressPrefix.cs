using System.Globalization;
using System.Net;
using Porthole.Protocol;

namespace Porthole.Lab;

/// <summary>A range of addresses: 192.168.1.0/24.</summary>
/// <param name="Address">An address in the range.</param>
/// <param name="Length">How many leading bits its addresses share.</param>
public readonly record struct AddressPrefix(TransportAddress Address, int Length)
{
    /// <summary>Reads <c>192.168.1.0/24</c>.</summary>
    /// <exception cref="FormatException">The text is no prefix.</exception>
    public static AddressPrefix Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split('/');
        return parts.Length == 2 && IPAddress.TryParse(parts[0], out var address)
            && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out int length)
            ? new AddressPrefix(TransportAddress.From(address, 0), length)
            : throw new FormatException($"'{text}' is not an address prefix.");
    }

    /// <summary>Whether an address lies in the range.</summary>
    public bool Contains(TransportAddress address) => Address.SharesPrefix(address, Length);

    /// <inheritdoc/>
    public override string ToString() => $"{Address.Address}/{Length}";
}
