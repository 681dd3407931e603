using System.Globalization;
using Porthole.Protocol;

namespace Porthole.Sockets;

/// <summary>Reads <c>/proc/net/if_inet6</c>: what Linux knows of each IPv6 address and .NET does not tell.</summary>
internal static class LinuxIPv6Flags
{
    private const string Path = "/proc/net/if_inet6";

    /// <summary>IFA_F_TEMPORARY of linux/if_addr.h.</summary>
    private const int Temporary = 0x01;

    /// <summary>IFA_F_DADFAILED, IFA_F_DEPRECATED, IFA_F_TENTATIVE of linux/if_addr.h.</summary>
    private const int Unusable = 0x08 | 0x20 | 0x40;

    /// <summary>The traits of every address that has any.</summary>
    public static Dictionary<TransportAddress, AddressTraits> Read()
    {
        if (!OperatingSystem.IsLinux() || !File.Exists(Path)) return [];
        return Parse(File.ReadAllLines(Path));
    }

    /// <summary>Reads lines of: 32 hexadecimal digits of address, interface index, prefix length, scope, flags, interface name.</summary>
    internal static Dictionary<TransportAddress, AddressTraits> Parse(IEnumerable<string> lines)
    {
        var found = new Dictionary<TransportAddress, AddressTraits>();
        foreach (string line in lines)
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields is not [{ Length: 32 } address, _, _, _, var text, ..]) continue;
            if (!int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int flags)) continue;
            var traits = ((flags & Unusable) != 0 ? AddressTraits.Unusable : 0) | ((flags & Temporary) != 0 ? AddressTraits.Temporary : 0);
            if (traits != 0) found[new TransportAddress(Convert.FromHexString(address), 0)] = traits;
        }

        return found;
    }
}
