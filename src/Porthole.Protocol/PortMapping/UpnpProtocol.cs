using System.Globalization;
using System.Net;

namespace Porthole.Protocol.PortMapping;

/// <summary>UPnP with one gateway: a search by multicast, then HTTP, one request at a time.</summary>
/// <param name="socket">The socket to search from, bound to <paramref name="local"/>.</param>
/// <param name="local">The host's address.</param>
/// <param name="gateway">The gateway's, with port 0: no other host is asked or believed.</param>
/// <param name="requests">Where requests to the driver go.</param>
/// <param name="nextSocket">Numbers the next request.</param>
/// <param name="entropy">For another port where the first is taken.</param>
internal sealed class UpnpProtocol(
    SocketId socket, TransportAddress local, TransportAddress gateway, Queue<SocketRequest> requests, Func<SocketId> nextSocket, EntropySource entropy)
    : MappingProtocol(PortMappingProtocol.Upnp)
{
    /// <summary>How often the search is repeated, for multicast may be lost (UPnP Device Architecture 1.1 section 1.3.2).</summary>
    public const int Searches = 2;

    /// <summary>How many ports are tried where another host has the one that is wanted.</summary>
    public const int MaxConflicts = 4;

    /// <summary>Devices answer within MX = 1 s.</summary>
    public static readonly TimeSpan SearchPause = TimeSpan.FromSeconds(1.25);

    /// <summary>What the driver is given beyond its own time, before it counts as silent.</summary>
    private static readonly TimeSpan s_driverMargin = TimeSpan.FromSeconds(1);

    /// <summary>Error codes (UPnP Device Architecture 1.1 section 3.1.4, WANIPConnection:2 section 2.5).</summary>
    private const int InvalidAction = 401, NotAuthorized = 606, Conflict = 718, OnlyPermanentLeases = 725, NoPortsLeft = 728;

    private readonly Queue<Ask> _waiting = [];
    private Ask? _asked;
    private SocketId _socket;
    private Instant? _giveUpAt;
    private Instant? _searchAt;
    private int _searches;
    private int _due;
    private bool _isElsewhere;
    private string _service = "";
    private Uri? _control;
    private TransportAddress _address;

    private enum AskKind
    {
        Description,
        Address,
        Mapping,
    }

    public override Instant? NextDeadline => Instant.Earlier(_searchAt, _giveUpAt);

    public override TimeSpan CheckPeriod => PortMappingLimits.UpnpCheckPeriod;

    public override void Begin(Instant now)
    {
        Abandon();
        Restart();
        (_searchAt, _searches, _control, _address, _isElsewhere) = (now, 0, null, default, false);
    }

    public override void Map(Instant now, MappingEntry entry)
    {
        string action = entry.Held is null && UpnpAction.FindsPorts(_service) ? UpnpAction.AddAny : UpnpAction.Add;
        _waiting.Enqueue(new Ask(AskKind.Mapping, _control!, action, entry, entry.SuggestedPort));
        AskNext(now);
    }

    public override void Unmap(Instant now, MappingEntry entry)
    {
        var others = _waiting.Where(ask => ask.Entry != entry).ToArray();
        _waiting.Clear();
        foreach (var ask in others) _waiting.Enqueue(ask);
        ushort port = entry.Held?.External.Port ?? 0;
        if (_asked?.Entry == entry)
        {
            port = _asked.Port; // it may have arrived
            requests.Enqueue(new SocketRequest.Close(_socket, Abortive: true));
            (_asked, _giveUpAt) = (null, null);
        }

        if (port != 0 && _control is not null)
        {
            var removal = nextSocket();
            requests.Enqueue(ToRequest(removal, _control, UpnpAction.Delete, UpnpAction.AskRemoval(_service, entry.Transport, port)));
            requests.Enqueue(new SocketRequest.Close(removal)); // nobody waits for the answer
        }

        AskNext(now);
    }

    /// <summary>There is no sign of a restart that could be looked at: what is mapped is asked for again.</summary>
    public override void Check(Instant now) => Results.Enqueue(new MappingResult.StateLost());

    public override void Abandon()
    {
        if (_asked is not null) requests.Enqueue(new SocketRequest.Close(_socket, Abortive: true));
        _waiting.Clear();
        (_asked, _giveUpAt, _searchAt, _due) = (null, null, null, 0);
    }

    public override void HandleDeadline(Instant now)
    {
        if (_searchAt <= now)
        {
            if (_searches == Searches)
            {
                _searchAt = null;
                if (State == ProtocolState.Asking) Fail(_isElsewhere ? "its answer leads to another host" : "no answer");
            }
            else
            {
                (_searches, _due, _searchAt) = (_searches + 1, SsdpMessage.Targets.Count, now + SearchPause);
            }
        }

        if (!(_giveUpAt <= now) || _asked is not { } asked) return;
        requests.Enqueue(new SocketRequest.Close(_socket, Abortive: true));
        HandleFailure(now, asked, "its web server does not answer");
    }

    public override void HandleDatagram(Instant now, TransportAddress remote, ReadOnlySpan<byte> datagram)
    {
        if (_searchAt is null || !remote.SameHost(gateway) || !SsdpMessage.TryReadLocation(datagram, out string location)) return;
        WasAnswered = true;
        if (!GatewayUri.TryResolve(location, null, gateway, out var page))
        {
            _isElsewhere = true; // another answer may be better
            return;
        }

        (_searchAt, _due) = (null, 0);
        _waiting.Enqueue(new Ask(AskKind.Description, page, null, null, 0));
        AskNext(now);
    }

    public override bool TryWrite(Instant now, ref DatagramBatchWriter writer)
    {
        if (_due == 0) return false;
        writer.Begin(socket, SsdpMessage.Group);
        if (!writer.TryReserve(SsdpMessage.MaxSearch, out var search)) return false;
        writer.Commit(SsdpMessage.WriteSearch(search, SsdpMessage.Targets[^_due--]));
        return true;
    }

    public override bool HandleSocketEvent(Instant now, SocketEvent socketEvent)
    {
        if (_asked is not { } asked) return false;
        switch (socketEvent)
        {
            case SocketEvent.HttpAnswered answered when answered.Socket == _socket:
                (_asked, _giveUpAt) = (null, null);
                HandleAnswer(now, asked, answered.Status, answered.Body.Span);
                break;
            case SocketEvent.Failed failed when failed.Socket == _socket:
                HandleFailure(now, asked, GatewayText.Quote(failed.Detail));
                break;
            default:
                return false;
        }

        AskNext(now);
        return true;
    }

    private void AskNext(Instant now)
    {
        if (_asked is not null || !_waiting.TryDequeue(out var ask)) return;
        (_asked, _socket, _giveUpAt) = (ask, nextSocket(), now + PortMappingLimits.HttpTimeout + s_driverMargin);
        string body = ask.Action switch
        {
            null => "",
            UpnpAction.GetExternalAddress => UpnpAction.AskAddress(_service),
            _ => UpnpAction.AskMapping(_service, ask.Action, ask.Entry!, ask.Port),
        };
        requests.Enqueue(ToRequest(_socket, ask.Target, ask.Action, body));
    }

    private SocketRequest.HttpAsk ToRequest(SocketId number, Uri target, string? action, string body) => new(
        number, local, target, action is null ? null : $"{_service}#{action}", body, PortMappingLimits.MaxHttpAnswer, PortMappingLimits.HttpTimeout);

    private void HandleFailure(Instant now, Ask asked, string problem)
    {
        (_asked, _giveUpAt) = (null, null);
        if (asked.Entry is { } entry) Results.Enqueue(new MappingResult.Denied(entry, problem));
        else Fail(problem);
        AskNext(now);
    }

    private void HandleAnswer(Instant now, Ask asked, int status, ReadOnlySpan<byte> body)
    {
        switch (asked.Kind)
        {
            case AskKind.Description:
                HandleDescription(now, asked.Target, status, body);
                break;
            case AskKind.Address:
                // Where the outside is not known, the mapping itself will say why.
                if (status == 200 && UpnpDocument.TryReadAnswer(body, out var values) && values.TryGetValue("NewExternalIPAddress", out string? text)
                    && IPAddress.TryParse(text, out var address)) _address = TransportAddress.From(address, 0);
                Succeed();
                break;
            case AskKind.Mapping:
                HandleMapping(now, asked, status, body);
                break;
        }
    }

    private void HandleDescription(Instant now, Uri page, int status, ReadOnlySpan<byte> body)
    {
        if (status != 200)
        {
            Fail(Describe(status));
            return;
        }

        if (!UpnpDocument.TryReadDescription(body, out var services, out string baseUrl))
        {
            Fail("its description cannot be read");
            return;
        }

        if (baseUrl.Length > 0 && !GatewayUri.TryResolve(baseUrl, page, gateway, out page))
        {
            Fail("its description leads to another host");
            return;
        }

        foreach (string wanted in UpnpAction.Services)
        {
            foreach (var service in services)
            {
                if (service.Type != wanted) continue;
                if (!GatewayUri.TryResolve(service.ControlUrl, page, gateway, out var control))
                {
                    Fail("its description leads to another host");
                    return;
                }

                (_service, _control) = (wanted, control);
                _waiting.Enqueue(new Ask(AskKind.Address, control, UpnpAction.GetExternalAddress, null, 0));
                AskNext(now);
                return;
            }
        }

        Fail("it describes no connection that maps ports");
    }

    private void HandleMapping(Instant now, Ask asked, int status, ReadOnlySpan<byte> body)
    {
        var entry = asked.Entry!;
        bool isXml = UpnpDocument.TryReadAnswer(body, out var values);
        if (status == 200)
        {
            ushort port = asked.Port;
            bool isPort = asked.Action == UpnpAction.Add
                || (isXml && values.TryGetValue("NewReservedPort", out string? reserved) && ushort.TryParse(reserved, NumberStyles.None, CultureInfo.InvariantCulture, out port));
            Results.Enqueue(isPort
                ? new MappingResult.Granted(entry, Outside(port), PortMappingLimits.Lease)
                : new MappingResult.Denied(entry, "its answer cannot be read"));
            return;
        }

        int error = 0;
        if (isXml && values.TryGetValue("errorCode", out string? code)) _ = int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out error);
        if (asked.Action == UpnpAction.AddAny && error is not (NotAuthorized or NoPortsLeft or OnlyPermanentLeases))
        {
            Repeat(now, asked with { Action = UpnpAction.Add }); // a version 2 that is not all there
        }
        else if (error == Conflict && asked.Conflicts + 1 < MaxConflicts)
        {
            Repeat(now, asked with { Port = (ushort)entropy.NextInt32(PortMappingLimits.LowestPort, ushort.MaxValue + 1), Conflicts = asked.Conflicts + 1 });
        }
        else
        {
            Results.Enqueue(new MappingResult.Denied(entry, Explain(status, error, values.GetValueOrDefault("errorDescription"))));
        }
    }

    private void Repeat(Instant now, Ask ask)
    {
        _waiting.Enqueue(ask);
        AskNext(now);
    }

    private TransportAddress Outside(ushort port) => (_address == default ? TransportAddress.From(IPAddress.Any, 0) : _address).WithPort(port);

    private static string Explain(int status, int error, string? description) => error switch
    {
        0 => Describe(status),
        InvalidAction => "it does not map ports",
        NotAuthorized => "it is not allowed",
        Conflict => "other hosts have the ports that were tried",
        OnlyPermanentLeases => "it maps for ever only, which is not asked of it",
        _ => $"error {error.ToString(CultureInfo.InvariantCulture)}{(string.IsNullOrEmpty(description) ? "" : $" ({GatewayText.Quote(description)})")}",
    };

    private static string Describe(int status) =>
        status is >= 300 and < 400 ? "its web server redirects" : $"its web server answers {status.ToString(CultureInfo.InvariantCulture)}";

    /// <summary>One request.</summary>
    /// <param name="Kind">What is asked.</param>
    /// <param name="Target">Where.</param>
    /// <param name="Action">The SOAP action; null for a page.</param>
    /// <param name="Entry">The mapping it is about; null for none.</param>
    /// <param name="Port">The external port that is asked for.</param>
    /// <param name="Conflicts">How many ports before were taken.</param>
    private sealed record Ask(AskKind Kind, Uri Target, string? Action, MappingEntry? Entry, ushort Port, int Conflicts = 0);
}
