using System.Globalization;
using System.Text;

namespace Porthole.Protocol.PortMapping;

/// <summary>The actions of a UPnP connection service that are used, as SOAP 1.1.</summary>
internal static class UpnpAction
{
    public const string GetExternalAddress = "GetExternalIPAddress", Add = "AddPortMapping", AddAny = "AddAnyPortMapping", Delete = "DeletePortMapping";

    /// <summary>How gateways show whose mapping it is.</summary>
    private const string Description = "Porthole";

    /// <summary>The services that map ports, the best first: version 2 finds a free port by itself.</summary>
    public static IReadOnlyList<string> Services { get; } =
    [
        "urn:schemas-upnp-org:service:WANIPConnection:2",
        "urn:schemas-upnp-org:service:WANIPConnection:1",
        "urn:schemas-upnp-org:service:WANPPPConnection:1",
    ];

    /// <summary>Whether a service has <see cref="AddAny"/>.</summary>
    public static bool FindsPorts(string service) => service.EndsWith(":2", StringComparison.Ordinal);

    /// <summary>The request for the gateway's outside address.</summary>
    public static string AskAddress(string service) => Wrap(service, GetExternalAddress, "");

    /// <summary>The request for a mapping, or for more time.</summary>
    /// <param name="service">The service's type.</param>
    /// <param name="action"><see cref="Add"/> or <see cref="AddAny"/>.</param>
    /// <param name="entry">What is wanted.</param>
    /// <param name="externalPort">The port outside.</param>
    public static string AskMapping(string service, string action, MappingEntry entry, ushort externalPort) => Wrap(
        service,
        action,
        $"<NewRemoteHost></NewRemoteHost><NewExternalPort>{Text(externalPort)}</NewExternalPort><NewProtocol>{Name(entry.Transport)}</NewProtocol>"
        + $"<NewInternalPort>{Text(entry.Local.Port)}</NewInternalPort><NewInternalClient>{entry.Local.Address}</NewInternalClient><NewEnabled>1</NewEnabled>"
        + $"<NewPortMappingDescription>{Description}</NewPortMappingDescription><NewLeaseDuration>{Text((int)PortMappingLimits.Lease.TotalSeconds)}</NewLeaseDuration>");

    /// <summary>The request to take a mapping back.</summary>
    public static string AskRemoval(string service, Transports transport, ushort externalPort) => Wrap(
        service,
        Delete,
        $"<NewRemoteHost></NewRemoteHost><NewExternalPort>{Text(externalPort)}</NewExternalPort><NewProtocol>{Name(transport)}</NewProtocol>");

    private static string Name(Transports transport) => transport == Transports.Tcp ? "TCP" : "UDP";

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Wrap(string service, string action, string arguments) => new StringBuilder("<?xml version=\"1.0\"?>\r\n")
        .Append("<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>")
        .Append(CultureInfo.InvariantCulture, $"<u:{action} xmlns:u=\"{service}\">{arguments}</u:{action}></s:Body></s:Envelope>\r\n")
        .ToString();
}
