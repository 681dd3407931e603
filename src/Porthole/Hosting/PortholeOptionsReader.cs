using System.Globalization;
using Microsoft.Extensions.Configuration;
using Porthole.Protocol;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Hosting;

/// <summary>Reads settings from a configuration, by hand: no reflection, so it can be trimmed, and what cannot be read is said by its full name.</summary>
internal static class PortholeOptionsReader
{
    private static readonly Dictionary<string, Action<PortholeOptions, IConfigurationSection>> s_settings = new(StringComparer.OrdinalIgnoreCase)
    {
        [nameof(PortholeOptions.Server)] = static (options, section) => options.Server = section.Value,
        [nameof(PortholeOptions.Name)] = static (options, section) => options.Name = section.Value,
        [nameof(PortholeOptions.Token)] = static (options, section) => options.Token = section.Value,
        [nameof(PortholeOptions.IdentityPath)] = static (options, section) => options.IdentityPath = section.Value,
        [nameof(PortholeOptions.KnownPeersPath)] = static (options, section) => options.KnownPeersPath = section.Value,
        [nameof(PortholeOptions.KnownServersPath)] = static (options, section) => options.KnownServersPath = section.Value,
        [nameof(PortholeOptions.Accept)] = static (options, section) => Read<AcceptPolicy>(options, section, value => options.Accept = value),
        [nameof(PortholeOptions.Allowed)] = static (options, section) => ReadList(section, options.Allowed),
        [nameof(PortholeOptions.Presence)] = static (options, section) => Read<PresenceMode>(options, section, value => options.Presence = value),
        [nameof(PortholeOptions.Room)] = static (options, section) => options.Room = section.Value,
        [nameof(PortholeOptions.BindAddress)] = static (options, section) => options.BindAddress = section.Value,
        [nameof(PortholeOptions.Port)] = static (options, section) => ReadPort(options, section),
        [nameof(PortholeOptions.Transports)] = static (options, section) => Read<Transports>(options, section, value => options.Transports = value),
        [nameof(PortholeOptions.HideLan)] = static (options, section) => ReadFlag(options, section, value => options.HideLan = value),
        [nameof(PortholeOptions.PortMapping)] = static (options, section) => ReadFlag(options, section, value => options.PortMapping = value),
        [nameof(PortholeOptions.StartTimeout)] = static (options, section) => ReadTime(options, section, value => options.StartTimeout = value),
        [nameof(PortholeOptions.ConnectTimeout)] = static (options, section) => ReadTime(options, section, value => options.ConnectTimeout = value),
    };

    /// <summary>Reads what is set, and leaves the rest as it is.</summary>
    public static void Read(IConfiguration configuration, PortholeOptions options)
    {
        foreach (var section in configuration.GetChildren())
        {
            if (s_settings.TryGetValue(section.Key, out var read)) read(options, section);
            else options.Problems.Add($"{section.Path} is no setting; there are {string.Join(", ", s_settings.Keys.Order(StringComparer.Ordinal))}.");
        }
    }

    private static void Read<TEnum>(PortholeOptions options, IConfigurationSection section, Action<TEnum> set)
        where TEnum : struct, Enum
    {
        string[] names = Enum.GetNames<TEnum>();
        if (section.Value is { } text && names.Contains(text, StringComparer.OrdinalIgnoreCase)) set(Enum.Parse<TEnum>(text, ignoreCase: true));
        else Complain(options, section, $"use one of {string.Join(", ", names)}");
    }

    private static void ReadPort(PortholeOptions options, IConfigurationSection section)
    {
        if (int.TryParse(section.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int port)) options.Port = port;
        else Complain(options, section, "use a number from 1 to 65535");
    }

    private static void ReadFlag(PortholeOptions options, IConfigurationSection section, Action<bool> set)
    {
        if (bool.TryParse(section.Value, out bool value)) set(value);
        else Complain(options, section, "use true or false");
    }

    private static void ReadTime(PortholeOptions options, IConfigurationSection section, Action<TimeSpan> set)
    {
        bool isBareNumber = section.Value?.Contains(':', StringComparison.Ordinal) == false; // which TimeSpan takes for days, and whoever writes 30 for seconds
        if (!isBareNumber && TimeSpan.TryParse(section.Value, CultureInfo.InvariantCulture, out var value)) set(value);
        else Complain(options, section, "use hours:minutes:seconds, as in 00:00:20");
    }

    private static void ReadList(IConfigurationSection section, IList<string> list)
    {
        foreach (var one in section.GetChildren()) list.Add(one.Value ?? string.Empty);
        if (section.Value is not { } text) return;
        foreach (string one in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)) list.Add(one); // as in an environment variable
    }

    private static void Complain(PortholeOptions options, IConfigurationSection section, string advice) => options.Problems.Add($"{section.Path} is '{section.Value}': {advice}.");
}
