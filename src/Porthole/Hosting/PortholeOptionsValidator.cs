using System.Collections.Immutable;
using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Porthole.Identity;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Hosting;

/// <summary>Says all that is wrong with settings at once, each in a line, and makes a node's options of those that are right.</summary>
internal sealed class PortholeOptionsValidator : IValidateOptions<PortholeOptions>
{
    public ValidateOptionsResult Validate(string? name, PortholeOptions options)
    {
        var problems = new List<string>(options.Problems);
        _ = Translate(options, problems);
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems.Select(static problem => $"Porthole: {problem}"));
    }

    /// <summary>The options of a node.</summary>
    /// <exception cref="PeerException">A file of known keys cannot be read.</exception>
    public static PeerOptions ToPeerOptions(PortholeOptions options, ILoggerFactory loggerFactory, TimeProvider clock)
    {
        var made = Translate(options, [])! with
        {
            LoggerFactory = loggerFactory,
            TimeProvider = clock,
            KnownPeers = options.KnownPeersPath is { } peers ? KnownPeers.Open(peers) : null,
            KnownServers = options.KnownServersPath is { } servers ? KnownServers.Open(servers) : null,
        };
        return options.Customize is { } customize ? customize(made) : made;
    }

    private static PeerOptions? Translate(PortholeOptions options, List<string> problems)
    {
        ServerAddress? server = null;
        if (string.IsNullOrWhiteSpace(options.Server)) problems.Add("Server is not set: use porthole://HOST[:PORT]#KEY, http://HOST[:PORT] or HOST[:PORT].");
        else if (!ServerAddress.TryParse(options.Server, out server)) problems.Add($"Server is '{options.Server}': use porthole://HOST[:PORT]#KEY, http://HOST[:PORT] or HOST[:PORT].");
        if (options is { Presence: PresenceMode.Room, Room: null }) problems.Add("Room is not set: Presence is Room, and needs one.");
        if (options.KnownPeersPath is "") problems.Add("KnownPeersPath is empty: name a file, or leave the setting out.");
        if (options.KnownServersPath is "") problems.Add("KnownServersPath is empty: name a file, or leave the setting out.");
        IPAddress? address = null;
        if (options.BindAddress is not null && !IPAddress.TryParse(options.BindAddress, out address)) problems.Add($"BindAddress is '{options.BindAddress}': use an address of this host.");
        var made = new PeerOptions
        {
            Server = server ?? ServerAddress.Parse("localhost"), // never used: there is a problem
            RemembersCallers = options.Accept != AcceptPolicy.Anyone,
            BindAddress = address,
            Transports = options.Transports,
            HideLan = options.HideLan,
            PortMapping = options.PortMapping,
        };
        // The node's options check themselves, one by one, so that no problem hides another.
        made = Try(problems, nameof(options.Name), made, made => made with { Name = options.Name });
        made = Try(problems, nameof(options.Token), made, made => made with { Token = options.Token });
        made = Try(problems, nameof(options.IdentityPath), made, made => made with { IdentityPath = options.IdentityPath });
        made = Try(problems, nameof(options.Accept), made, made => made with { Accept = options.Accept });
        made = Try(problems, nameof(options.Presence), made, made => made with { Presence = options.Presence });
        made = Try(problems, nameof(options.Room), made, made => made with { Room = options.Room });
        made = Try(problems, nameof(options.Port), made, made => made with { Port = options.Port });
        made = Try(problems, nameof(options.StartTimeout), made, made => made with { StartTimeout = options.StartTimeout });
        made = Try(problems, nameof(options.ConnectTimeout), made, made => made with { ConnectTimeout = options.ConnectTimeout });
        return Try(problems, nameof(options.Allowed), made, made => made with { Allowed = ReadIds(options.Allowed) });
    }

    private static PeerOptions Try(List<string> problems, string setting, PeerOptions made, Func<PeerOptions, PeerOptions> set)
    {
        try
        {
            return set(made);
        }
        catch (ArgumentException exception)
        {
            problems.Add($"{setting}: {exception.Message.Split(" (Parameter", 2)[0]}");
            return made;
        }
    }

    private static ImmutableArray<PeerId> ReadIds(IList<string> texts)
    {
        var ids = ImmutableArray.CreateBuilder<PeerId>(texts.Count);
        foreach (string text in texts)
        {
            if (!PeerId.TryParse(text, out var id)) throw new ArgumentException($"'{text}' is no id: 'porthole id' prints one, {PeerId.TextLength} letters and digits.");
            ids.Add(id);
        }

        return ids.DrainToImmutable();
    }
}
