using System.Text;
using System.Xml.Linq;

namespace Porthole.NetworkTests.Packages;

/// <summary>What is in the packages, and that they serve somebody who has nothing else of this repository.</summary>
public sealed class PackageTests(PackedPackages packages) : IClassFixture<PackedPackages>
{
    private static readonly string[] s_names = ["Porthole", "Porthole.AspNetCore", "Porthole.Testing", "Porthole.Tool"];

    [Fact]
    public void There_are_four_packages_each_with_its_symbols()
    {
        var expected = s_names.SelectMany(static name => new[] { $"{name}.{PackedPackages.Version}.nupkg", $"{name}.{PackedPackages.Version}.snupkg" });
        Assert.Equal(expected.Order(StringComparer.Ordinal), Directory.GetFiles(packages.Folder).Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("Porthole", "Porthole,Porthole.Protocol")]
    [InlineData("Porthole.AspNetCore", "Porthole.AspNetCore")]
    [InlineData("Porthole.Testing", "Porthole.Lab,Porthole.Testing")]
    public void A_library_is_there_with_its_documentation_and_symbols(string package, string assemblies)
    {
        var names = assemblies.Split(',');
        var files = names.SelectMany(static name => new[] { $"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml" }).Append("README.md").Order(StringComparer.Ordinal);
        Assert.Equal(files, packages.FilesOf(package));
        Assert.Equal(names.Select(static name => $"lib/net10.0/{name}.pdb").Order(StringComparer.Ordinal), packages.FilesOf(package, ".snupkg"));
    }

    [Fact]
    public void The_tool_holds_what_it_needs_and_nothing_that_is_for_one_platform()
    {
        string[] files = packages.FilesOf("Porthole.Tool");
        foreach (string name in new[] { "Porthole", "Porthole.Protocol", "Porthole.Server", "Porthole.Lab", "Porthole.Cli", "System.CommandLine" }) Assert.Contains($"tools/net10.0/any/{name}.dll", files);
        Assert.DoesNotContain(files, static file => Path.GetExtension(file) is "" or ".exe" or ".so");
        Assert.Equal("DotnetTool", (string?)packages.ManifestOf("Porthole.Tool").Element("packageTypes")!.Element("packageType")!.Attribute("name"));
    }

    [Theory]
    [InlineData("Porthole", "")]
    [InlineData("Porthole.AspNetCore", "Porthole")]
    [InlineData("Porthole.Testing", "Porthole")]
    [InlineData("Porthole.Tool", "")]
    public void Of_our_own_it_depends_on_packages_that_exist(string package, string expected)
    {
        var dependencies = packages.ManifestOf(package).Descendants("dependency").Where(static one => ((string)one.Attribute("id")!).StartsWith("Porthole", StringComparison.Ordinal)).ToList();
        Assert.Equal(expected, string.Join(',', dependencies.Select(static one => (string)one.Attribute("id")!)));
        Assert.All(dependencies, static one => Assert.Equal(PackedPackages.Version, (string?)one.Attribute("version")));
    }

    [Fact]
    public void Each_says_what_it_is_and_under_which_licence()
    {
        var descriptions = new HashSet<string>(StringComparer.Ordinal);
        foreach (string name in s_names)
        {
            var manifest = packages.ManifestOf(name);
            Assert.Equal("MIT", (string?)manifest.Element("license"));
            Assert.Equal("README.md", (string?)manifest.Element("readme"));
            Assert.Contains("nat-traversal", (string?)manifest.Element("tags"), StringComparison.Ordinal);
            Assert.True(descriptions.Add((string)manifest.Element("description")!), $"{name} is described as another package is.");
        }
    }

    [Fact]
    public void None_says_on_whose_machine_it_was_made()
    {
        byte[] repository = Encoding.UTF8.GetBytes(PackedPackages.Repository), home = Encoding.UTF8.GetBytes(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile) + "/.");
        foreach (string name in s_names)
        {
            foreach (var (file, bytes) in packages.ContentsOf(name, ".nupkg").Concat(packages.ContentsOf(name, ".snupkg")))
            {
                Assert.False(bytes.AsSpan().IndexOf(repository) >= 0, $"{file} of {name} holds the path of this repository.");
                Assert.False(bytes.AsSpan().IndexOf(home) >= 0, $"{file} of {name} holds a path in the home of whoever made it.");
            }
        }
    }

    [Fact]
    public async Task The_tool_installs_from_the_folder_and_runs()
    {
        string folder = packages.NewFolder("tool"), bin = Path.Combine(folder, "bin");
        await PackedPackages.RunAsync(folder, "dotnet", "tool", "install", "--tool-path", bin, "--add-source", packages.Folder, "--version", PackedPackages.Version, "Porthole.Tool");
        string command = Path.Combine(bin, "porthole");
        Assert.Matches(@"^\d+\.\d+\.\d+", await PackedPackages.RunAsync(folder, command, "--version"));
        Assert.Contains("\"peerId\":", await PackedPackages.RunAsync(folder, command, "id", "--json"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_program_that_references_the_packages_restores_builds_and_runs()
    {
        string folder = packages.NewFolder("program");
        await File.WriteAllTextAsync(Path.Combine(folder, "program.csproj"), new XElement("Project",
            new XAttribute("Sdk", "Microsoft.NET.Sdk"),
            new XElement("PropertyGroup",
                new XElement("OutputType", "Exe"), new XElement("TargetFramework", "net10.0"), new XElement("ImplicitUsings", "enable"), new XElement("Nullable", "enable"), new XElement("TreatWarningsAsErrors", "true")),
            new XElement("ItemGroup", s_names[..3].Select(static name => new XElement("PackageReference", new XAttribute("Include", name), new XAttribute("Version", PackedPackages.Version))))).ToString(),
            TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), """
            using Microsoft.AspNetCore.Builder;
            using Microsoft.AspNetCore.Hosting;
            using Microsoft.Extensions.Logging;
            using Porthole.Http;
            using Porthole.Lab.Nat;
            using Porthole.Testing;

            await using var network = await PortholeTestNetwork.StartAsync();
            await using var bob = await network.StartPeerAsync("bob", behind: NatProfile.PortRestricted);
            await using var alice = await network.StartPeerAsync("alice", behind: NatProfile.PortRestricted);
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.UsePorthole(bob);
            await using var app = builder.Build();
            app.MapGet("/", () => "hello from a package");
            await app.StartAsync();
            using var client = new HttpClient(PortholeHttpHandler.Create(alice));
            Console.WriteLine(await client.GetStringAsync("http://bob.porthole/"));
            """, TestContext.Current.CancellationToken);
        foreach (string name in s_names[..3]) await File.WriteAllTextAsync(Path.Combine(folder, $"{name}.Example.cs"), ExampleOf(name), TestContext.Current.CancellationToken);
        await PackedPackages.RunAsync(folder, "dotnet", "build", "--output", "out", "-p:UseSharedCompilation=false", "--verbosity", "quiet");
        Assert.Equal("hello from a package", (await PackedPackages.RunAsync(folder, Path.Combine(folder, "out", "program"))).Trim());
    }

    /// <summary>The example of a package's readme, as a method that compiles if the example does.</summary>
    private string ExampleOf(string package)
    {
        string readme = Encoding.UTF8.GetString(packages.ContentsOf(package, ".nupkg").Single(static file => file.Name == "README.md").Bytes);
        var lines = readme.Split("```csharp")[1].Split("```")[0].Split('\n').ToLookup(static line => line.StartsWith("using ", StringComparison.Ordinal) && !line.Contains('=', StringComparison.Ordinal));
        string heading = string.Join('\n', lines[true].Append("using Porthole;").Distinct());
        return $"{heading}\ninternal static class {package.Replace(".", "", StringComparison.Ordinal)}Example\n{{\n    public static async Task RunAsync()\n    {{\n{string.Join('\n', lines[false])}\n    }}\n}}\n";
    }
}
