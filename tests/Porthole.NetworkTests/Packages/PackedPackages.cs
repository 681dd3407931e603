using System.Diagnostics;
using System.IO.Compression;
using System.Xml.Linq;

namespace Porthole.NetworkTests.Packages;

/// <summary>The packages as <c>packaging/pack.sh</c> makes them, once for all tests, and a folder in which nothing but them and what is on this machine can be restored.</summary>
public sealed class PackedPackages : IAsyncLifetime
{
    /// <summary>No release has this version, so that no folder of packages on this machine holds it already.</summary>
    public const string Version = "0.0.0-test.1";

    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(5);

    private readonly string _scratch = Directory.CreateTempSubdirectory("porthole-packages-").FullName;

    /// <summary>The root of the repository.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The folder with the packages.</summary>
    public string Folder => Path.Combine(_scratch, "packages");

    public async ValueTask InitializeAsync()
    {
        if (!OperatingSystem.IsLinux() && !OperatingSystem.IsMacOS()) Assert.Skip("The packages are made by a shell script.");
        // The tests of a release build follow the build of everything; those of a debug build do not.
        string[] options = AppContext.BaseDirectory.Contains($"{Path.DirectorySeparatorChar}Release{Path.DirectorySeparatorChar}", StringComparison.Ordinal) ? ["--no-build"] : [];
        await RunAsync(_scratch, Path.Combine(Repository, "packaging", "pack.sh"), ["--output", Folder, "--version", Version, .. options]);
        string known = (await RunAsync(_scratch, "dotnet", "nuget", "locals", "global-packages", "--list")).Split(": ", 2)[1].Trim();
        await File.WriteAllTextAsync(Path.Combine(_scratch, "nuget.config"), $"""
            <configuration>
              <packageSources><clear /><add key="packed" value="{Folder}" /></packageSources>
              <auditSources><clear /></auditSources>
              <fallbackPackageFolders><clear /><add key="machine" value="{known}" /></fallbackPackageFolders>
              <config><add key="globalPackagesFolder" value="{Path.Combine(_scratch, "cache")}" /></config>
            </configuration>
            """);
    }

    public ValueTask DisposeAsync()
    {
        Directory.Delete(_scratch, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>A new folder, in which restoring takes packages from this run and from this machine.</summary>
    public string NewFolder(string name) => Directory.CreateDirectory(Path.Combine(_scratch, name)).FullName;

    /// <summary>The names of a package's own files, without what every package has.</summary>
    public string[] FilesOf(string package, string extension = ".nupkg")
    {
        using var archive = ZipFile.OpenRead(PathOf(package, extension));
        return [.. archive.Entries.Select(static entry => entry.FullName).Where(static name => name.StartsWith("lib/", StringComparison.Ordinal) || name.StartsWith("tools/", StringComparison.Ordinal) || name == "README.md")
            .Order(StringComparer.Ordinal)];
    }

    /// <summary>The manifest of a package.</summary>
    public XElement ManifestOf(string package)
    {
        using var archive = ZipFile.OpenRead(PathOf(package, ".nupkg"));
        using var manifest = archive.GetEntry($"{package}.nuspec")!.Open();
        var root = XElement.Load(manifest);
        foreach (var element in root.DescendantsAndSelf()) element.Name = element.Name.LocalName;
        return root.Element("metadata")!;
    }

    /// <summary>Every file of a package.</summary>
    public IEnumerable<(string Name, byte[] Bytes)> ContentsOf(string package, string extension)
    {
        using var archive = ZipFile.OpenRead(PathOf(package, extension));
        foreach (var entry in archive.Entries)
        {
            using var stream = entry.Open();
            using var bytes = new MemoryStream();
            stream.CopyTo(bytes);
            yield return (entry.FullName, bytes.ToArray());
        }
    }

    /// <summary>Runs a program to its end, which must be a good one.</summary>
    /// <returns>What it wrote to standard output.</returns>
    public static async Task<string> RunAsync(string folder, string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        start.Environment["DOTNET_NOLOGO"] = start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment["RunAnalyzers"] = "false"; // the code is analysed where everything is built
        start.Environment["XDG_CONFIG_HOME"] = folder;
        start.Environment.Remove("NUGET_PACKAGES"); // it would win against the configuration
        using var process = Process.Start(start)!;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(s_limit);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(limit.Token);
            string errors = await process.StandardError.ReadToEndAsync(limit.Token);
            await process.WaitForExitAsync(limit.Token);
            Assert.True(process.ExitCode == 0, $"'{program} {string.Join(' ', arguments)}' ended with {process.ExitCode}.\n{await output}\n{errors}");
            return await output;
        }
        finally
        {
            if (!process.HasExited) process.Kill(entireProcessTree: true);
        }
    }

    private string PathOf(string package, string extension) => Path.Combine(Folder, $"{package}.{Version}{extension}");

    private static string FindRepository()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Porthole.slnx"))) directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("The tests run outside of the repository.");
    }
}
