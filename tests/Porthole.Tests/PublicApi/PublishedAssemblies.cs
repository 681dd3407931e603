using System.Reflection;

namespace Porthole.Tests.PublicApi;

/// <summary>The assemblies that are in packages, and so are what others compile against.</summary>
internal static class PublishedAssemblies
{
    public static TheoryData<string> Names { get; } = ["Porthole", "Porthole.Protocol", "Porthole.AspNetCore", "Porthole.Testing", "Porthole.Lab"];

    /// <summary>Public and protected, declared in the type itself.</summary>
    public const BindingFlags Declared = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    /// <summary>The types that somebody wrote down: not those that the compiler makes for extension blocks.</summary>
    public static IEnumerable<Type> TypesOf(string name) => Assembly.Load(name).GetExportedTypes().Where(static type => !type.FullName!.Contains('<', StringComparison.Ordinal));

    public static bool IsVisible(MethodBase? method) => method is { IsPublic: true } or { IsFamily: true } or { IsFamilyOrAssembly: true };

    /// <summary>The folder with the agreed texts.</summary>
    public static string Folder
    {
        get
        {
            var directory = new DirectoryInfo(AppContext.BaseDirectory);
            while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "Porthole.slnx"))) directory = directory.Parent;
            return Path.Combine(directory?.FullName ?? ".", "tests", "Porthole.Tests", "PublicApi");
        }
    }
}
