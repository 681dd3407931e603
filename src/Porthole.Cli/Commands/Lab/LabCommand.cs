using System.CommandLine;
using Porthole.Lab.Nat;

namespace Porthole.Cli.Commands.Lab;

/// <summary><c>porthole lab</c>.</summary>
internal static class LabCommand
{
    public static Command Create() => new("lab", "NATs to try things on: models in virtual time, models between real sockets, and the kernel's own.")
    {
        LabGridCommand.Create(), LabNatCommand.Create(), LabProbeCommand.Create(),
    };

    /// <summary>The option that names one of the preset NATs.</summary>
    public static Option<NatProfile?> Profile(string description) => new("--profile")
    {
        Description = $"{description} One of {string.Join(", ", NatProfile.AllPresets.Select(static one => one.Name))} (default: {NatProfile.PortRestricted.Name}).",
        HelpName = "NAME",
        CustomParser = static result =>
        {
            string name = result.Tokens[0].Value;
            var profile = NatProfile.AllPresets.FirstOrDefault(one => one.Name == name);
            if (profile is null) result.AddError($"'{name}' is no NAT of the lab: use {string.Join(", ", NatProfile.AllPresets.Select(static one => one.Name))}.");
            return profile;
        },
    };
}
