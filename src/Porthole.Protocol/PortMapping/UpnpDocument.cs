using System.Collections.Immutable;
using System.Text;
using System.Xml;

namespace Porthole.Protocol.PortMapping;

/// <summary>A service of a UPnP device.</summary>
/// <param name="Type">Its type, such as <c>urn:schemas-upnp-org:service:WANIPConnection:1</c>.</param>
/// <param name="ControlUrl">Where it takes actions, as the device says.</param>
internal sealed record UpnpService(string Type, string ControlUrl);

/// <summary>The XML of UPnP: device descriptions and answers to actions. Elements are known by their local names: gateways in the field mix up namespaces.</summary>
internal static class UpnpDocument
{
    /// <summary>The deepest nesting that is followed: descriptions of gateways have about ten levels.</summary>
    public const int MaxDepth = 32;

    /// <summary>The most services that are taken from one description.</summary>
    public const int MaxServices = 32;

    /// <summary>The longest value of an element, in characters.</summary>
    public const int MaxValue = 512;

    private static readonly XmlReaderSettings s_settings = new()
    {
        DtdProcessing = DtdProcessing.Prohibit,
        XmlResolver = null,
        MaxCharactersInDocument = PortMappingLimits.MaxHttpAnswer,
        IgnoreComments = true,
        IgnoreProcessingInstructions = true,
        CloseInput = true,
    };

    /// <summary>Reads the services of a device description. Never throws.</summary>
    /// <param name="body">The document.</param>
    /// <param name="services">The services that have a type and a control address.</param>
    /// <param name="baseUrl">What relative addresses are relative to, if the device says so (UPnP 1.0); else empty.</param>
    /// <returns>False when it is no XML, or beyond the limits.</returns>
    public static bool TryReadDescription(ReadOnlySpan<byte> body, out ImmutableArray<UpnpService> services, out string baseUrl)
    {
        var found = ImmutableArray.CreateBuilder<UpnpService>();
        string type = "", control = "", url = "";
        bool isRead = TryRead(body, (name, value) =>
        {
            switch (name)
            {
                case "URLBase":
                    url = value;
                    break;
                case "serviceType":
                    type = value;
                    break;
                case "controlURL":
                    control = value;
                    break;
                case "/service":
                    if (type.Length > 0 && control.Length > 0 && found.Count < MaxServices) found.Add(new UpnpService(type, control));
                    (type, control) = ("", "");
                    break;
            }
        });
        (services, baseUrl) = (found.ToImmutable(), url);
        return isRead;
    }

    /// <summary>Reads the values of an answer to an action. Never throws.</summary>
    /// <param name="body">The document.</param>
    /// <param name="values">The text of each element by its local name; of several with one name the first.</param>
    /// <returns>False when it is no XML, or beyond the limits.</returns>
    public static bool TryReadAnswer(ReadOnlySpan<byte> body, out IReadOnlyDictionary<string, string> values)
    {
        var found = new Dictionary<string, string>();
        values = found;
        return TryRead(body, (name, value) =>
        {
            if (value.Length > 0) found.TryAdd(name, value);
        });
    }

    /// <summary>Tells each element that has text, and the end of each that has children, with a slash before its name.</summary>
    private static bool TryRead(ReadOnlySpan<byte> body, Action<string, string> take)
    {
        if (body.Length > PortMappingLimits.MaxHttpAnswer) return false;
        try
        {
            // UPnP is UTF-8; what a document says of its own encoding is not followed.
            using var reader = XmlReader.Create(new StringReader(Encoding.UTF8.GetString(body).Trim('\uFEFF', '\0', ' ', '\r', '\n', '\t')), s_settings);
            string name = "";
            var text = new StringBuilder();
            while (reader.Read())
            {
                if (reader.Depth > MaxDepth) return false;
                switch (reader.NodeType)
                {
                    case XmlNodeType.Element:
                        (name, _) = (reader.IsEmptyElement ? "" : reader.LocalName, text.Clear());
                        break;
                    case XmlNodeType.Text or XmlNodeType.CDATA:
                        if (text.Length + reader.Value.Length <= MaxValue) text.Append(reader.Value);
                        break;
                    case XmlNodeType.EndElement:
                        if (name == reader.LocalName) take(name, text.ToString().Trim());
                        else take('/' + reader.LocalName, "");
                        name = "";
                        break;
                }
            }

            return true;
        }
        catch (XmlException)
        {
            return false;
        }
    }
}
