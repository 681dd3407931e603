using System.CommandLine;
using Porthole.Lab.Nat;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Commands.Lab;

/// <summary><c>porthole lab</c>.</summary>
internal static class LabCommand
{
    public static Command Create() => new("lab", "NATs to try things on: models in virtual time, models between real sockets, and the kernel's own.")
    {
        LabGridCommand.Create(), LabPopulationCommand.Create(), LabNatCommand.Create(), LabProbeCommand.Create(),
    };

    /// <summary>The option that names a document to print into.</summary>
    public static Option<string?> Write() => new("--write") { Description = "Put the tables between the marks of this document (docs/lab.md, docs/nat.md) in place of printing them.", HelpName = "FILE" };

    /// <summary>Makes sure, before minutes of work, that a document can be written and has the marks.</summary>
    /// <param name="file">The document.</param>
    /// <param name="check">Throws where the marks are missing.</param>
    public static void CheckPlace(string file, Action<string> check)
    {
        try
        {
            using var document = new FileStream(file, FileMode.Open, FileAccess.ReadWrite);
            using var reader = new StreamReader(document);
            check(reader.ReadToEnd());
        }
        catch (Exception exception) when (IsOfFile(exception))
        {
            throw NotWritten(file, exception);
        }
    }

    /// <summary>Rewrites a document.</summary>
    /// <param name="file">The document.</param>
    /// <param name="change">Gives its new text for the old one.</param>
    public static void WriteInto(string file, Func<string, string> change)
    {
        try
        {
            File.WriteAllText(file, change(File.ReadAllText(file)));
            Console.WriteLine($"The tables are in {file}.");
        }
        catch (Exception exception) when (IsOfFile(exception))
        {
            throw NotWritten(file, exception);
        }
    }

    private static bool IsOfFile(Exception exception) => exception is IOException or UnauthorizedAccessException or FormatException;

    private static PeerException NotWritten(string file, Exception exception) =>
        new(PeerError.BadFile, $"{file} could not be written: {exception.Message}", exception);

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
