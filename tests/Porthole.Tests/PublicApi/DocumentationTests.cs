using System.Reflection;
using System.Runtime.CompilerServices;
using System.Xml.Linq;

namespace Porthole.Tests.PublicApi;

/// <summary>Whoever reads the public API in an editor finds a sentence at everything. The compiler sees to it that a comment is there; that it says something is seen here.</summary>
public sealed class DocumentationTests
{
    [Theory]
    [MemberData(nameof(PublishedAssemblies.Names), MemberType = typeof(PublishedAssemblies))]
    public void Every_public_member_has_a_sentence(string assembly)
    {
        var documented = Read(assembly);
        var missing = new List<string>();
        foreach (var type in PublishedAssemblies.TypesOf(assembly))
        {
            if (!Says(documented, DocumentationName.Of(type))) missing.Add(DocumentationName.Of(type));
            if (type.IsSubclassOf(typeof(MulticastDelegate))) continue;
            var members = type.GetMembers(PublishedAssemblies.Declared).Where(member => IsWritten(type, member)).Select(member => (Member: member, Name: DocumentationName.Of(member)));
            missing.AddRange(members.Where(one => !Says(documented, one.Name) && !IsParameterOfRecord(documented, type, one.Member)).Select(static one => one.Name));
        }

        Assert.True(missing.Count == 0, $"{missing.Count} members of {assembly} have no summary:\n{string.Join('\n', missing.Take(40))}");
    }

    [Theory]
    [MemberData(nameof(PublishedAssemblies.Names), MemberType = typeof(PublishedAssemblies))]
    public void No_comment_is_empty(string assembly)
    {
        var empty = Read(assembly).Values.SelectMany(static member => member.Elements().Where(static part => part.Name.LocalName is "summary" or "param" or "typeparam" or "returns" or "exception" or "remarks" && IsEmpty(part))
            .Select(part => $"{(string?)member.Attribute("name")}: <{part.Name.LocalName}{((string?)part.Attribute("name") is { } name ? $" name=\"{name}\"" : "")}>")).ToList();
        Assert.True(empty.Count == 0, $"{empty.Count} comments in {assembly} say nothing:\n{string.Join('\n', empty.Take(40))}");
    }

    private static Dictionary<string, XElement> Read(string assembly) =>
        XElement.Load(Path.Combine(AppContext.BaseDirectory, assembly + ".xml")).Element("members")!.Elements("member").ToDictionary(static one => (string)one.Attribute("name")!, StringComparer.Ordinal);

    private static bool Says(Dictionary<string, XElement> documented, string name) =>
        documented.TryGetValue(name, out var comment) && (comment.Element("inheritdoc") is not null || (comment.Element("summary") is { } summary && !IsEmpty(summary)));

    private static bool IsEmpty(XElement part) => string.IsNullOrWhiteSpace(part.Value) && !part.HasElements;

    /// <summary>Whether somebody wrote the member down in this type: not the compiler, and not as an override, which has the words of what it overrides.</summary>
    private static bool IsWritten(Type type, MemberInfo member)
    {
        if (member.IsDefined(typeof(CompilerGeneratedAttribute))) return false;
        return member switch
        {
            FieldInfo field => (field.IsPublic || field.IsFamily) && !field.IsSpecialName,
            EventInfo happening => PublishedAssemblies.IsVisible(happening.AddMethod),
            PropertyInfo property => (property.GetMethod ?? property.SetMethod) is { } accessor && PublishedAssemblies.IsVisible(accessor) && !IsOverride(accessor) && property.Name != "EqualityContract",
            // The constructor of a record is its own heading, and one without parameters may be nobody's.
            ConstructorInfo constructor => PublishedAssemblies.IsVisible(constructor) && constructor.GetParameters().Length > 0 && !IsRecord(type),
            MethodInfo { IsSpecialName: false } method => PublishedAssemblies.IsVisible(method) && !IsOverride(method) && !method.Name.Contains('<', StringComparison.Ordinal),
            _ => false,
        };
    }

    private static bool IsOverride(MethodInfo method) => method.GetBaseDefinition().DeclaringType != method.DeclaringType;

    private static bool IsRecord(Type type) => type.GetMethod("PrintMembers", PublishedAssemblies.Declared) is not null;

    /// <summary>A record's parameters are properties; their sentence stands in the comment of the type.</summary>
    private static bool IsParameterOfRecord(Dictionary<string, XElement> documented, Type type, MemberInfo member) =>
        member is PropertyInfo && IsRecord(type) && documented.GetValueOrDefault(DocumentationName.Of(type))?.Elements("param").Any(one => (string?)one.Attribute("name") == member.Name) == true;
}
