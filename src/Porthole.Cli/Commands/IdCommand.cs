using System.CommandLine;
using Porthole.Identity;
using Porthole.Runtime;

namespace Porthole.Cli.Commands;

/// <summary><c>porthole id</c>.</summary>
internal static class IdCommand
{
    public static Command Create()
    {
        var name = new Option<string?>("--as") { Description = "The name whose identity to show.", HelpName = "NAME", CustomParser = Parsers.ParseName };
        var file = new Option<string?>("--identity") { Description = "The file with the key.", HelpName = "FILE" };
        var json = CommonOptions.Json();
        var command = new Command("id", "Show who you are: your peer id and the file with its key. Both are made if they are not there.") { name, file, json };
        command.SetAction(parsed =>
        {
            string path = Path.GetFullPath(parsed.GetValue(file) ?? PeerCommandOptions.IdentityPathOf(parsed.GetValue(name)));
            using var identity = IdentityFile.LoadOrCreate(path, OperatingSystemEntropy.Instance);
            string id = identity.PeerId.ToString();
            if (parsed.GetValue(json))
            {
                JsonLines.Write("id", writer =>
                {
                    writer.WriteString("peerId", id);
                    writer.WriteString("key", ServerAddress.FormatKey(identity.PublicKey));
                    writer.WriteString("file", path);
                });
            }
            else
            {
                Console.WriteLine(id);
                Console.WriteLine($"The key is in {path}. Whoever has that file is you.");
            }

            return ExitCode.Success;
        });
        return command;
    }
}
