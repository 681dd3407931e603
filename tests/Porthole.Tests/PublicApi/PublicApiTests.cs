using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;

namespace Porthole.Tests.PublicApi;

/// <summary>The public face of what is published, as text: a change of it is seen in review, and never happens by chance.</summary>
public sealed class PublicApiTests
{
    private static readonly NullabilityInfoContext s_nullability = new();

    [Theory]
    [MemberData(nameof(PublishedAssemblies.Names), MemberType = typeof(PublishedAssemblies))]
    public void The_public_api_is_the_one_that_was_agreed_on(string assembly)
    {
        string path = Path.Combine(PublishedAssemblies.Folder, assembly + ".txt");
        string actual = Describe(PublishedAssemblies.TypesOf(assembly));
        string agreed = File.Exists(path) ? File.ReadAllText(path) : string.Empty;
        if (Environment.GetEnvironmentVariable("PORTHOLE_ACCEPT_API") == "1") File.WriteAllText(path, actual);
        else Assert.True(agreed == actual, $"The public API of {assembly} has changed. If that is meant, run the tests once with PORTHOLE_ACCEPT_API=1.\n{FirstDifference(agreed, actual)}");
    }

    private static string Describe(IEnumerable<Type> types)
    {
        var text = new StringBuilder();
        foreach (var type in types.OrderBy(type => type.FullName, StringComparer.Ordinal))
        {
            text.Append(KindOf(type)).Append(' ').Append(NameOf(type)).Append(BasesOf(type)).Append('\n');
            var members = type.GetMembers(PublishedAssemblies.Declared).Select(DescribeMember).OfType<string>().Order(StringComparer.Ordinal);
            foreach (string member in members) text.Append("    ").Append(member).Append('\n');
        }

        return text.ToString();
    }

    private static string? DescribeMember(MemberInfo member) => member switch
    {
        FieldInfo { IsPublic: true, IsSpecialName: false } field => field.IsLiteral ? $"const {field.Name} = {field.GetRawConstantValue()}" : $"field {NameOf(s_nullability.Create(field))} {field.Name}",
        PropertyInfo { Name: not "EqualityContract" } property when PublishedAssemblies.IsVisible(property.GetMethod) || PublishedAssemblies.IsVisible(property.SetMethod) => $"{Static(property.GetMethod ?? property.SetMethod!)}{NameOf(s_nullability.Create(property))} {property.Name} {{{(PublishedAssemblies.IsVisible(property.GetMethod) ? " get;" : "")}{SetterOf(property)} }}",
        EventInfo happening when PublishedAssemblies.IsVisible(happening.AddMethod) => $"event {NameOf(happening.EventHandlerType!)} {happening.Name}",
        ConstructorInfo constructor when PublishedAssemblies.IsVisible(constructor) && !constructor.IsDefined(typeof(CompilerGeneratedAttribute)) => $"new({ParametersOf(constructor)})",
        MethodInfo { IsSpecialName: false } method when PublishedAssemblies.IsVisible(method) && !IsGenerated(method) => $"{Static(method)}{NameOf(s_nullability.Create(method.ReturnParameter))} {method.Name}{GenericsOf(method)}({ParametersOf(method)})",
        _ => null,
    };

    private static bool IsGenerated(MethodInfo method) =>
        method.IsDefined(typeof(CompilerGeneratedAttribute)) || method.Name is "<Clone>$" or "PrintMembers" or "Deconstruct" || method.Name.Contains('<', StringComparison.Ordinal);

    private static string SetterOf(PropertyInfo property) => !PublishedAssemblies.IsVisible(property.SetMethod) ? string.Empty
        : property.SetMethod!.ReturnParameter.GetRequiredCustomModifiers().Contains(typeof(IsExternalInit)) ? " init;" : " set;";

    private static string KindOf(Type type) =>
        type.IsEnum ? "enum" : type.IsInterface ? "interface" : type.IsValueType ? "struct" : type is { IsAbstract: true, IsSealed: true } ? "static class" : type.IsSealed ? "sealed class" : "class";

    private static string BasesOf(Type type)
    {
        var bases = new List<string>();
        if (type.BaseType is { } parent && parent != typeof(object) && parent != typeof(ValueType) && parent != typeof(Enum)) bases.Add(NameOf(parent));
        var inherited = type.BaseType?.GetInterfaces() ?? [];
        if (!type.IsEnum) bases.AddRange(type.GetInterfaces().Except(inherited).Where(one => one.IsPublic).Select(NameOf).Order(StringComparer.Ordinal));
        return bases.Count == 0 ? string.Empty : " : " + string.Join(", ", bases);
    }

    private static string Static(MethodBase method) => method.IsStatic ? "static " : string.Empty;

    private static string GenericsOf(MethodInfo method) => method.IsGenericMethod ? $"<{string.Join(", ", method.GetGenericArguments().Select(NameOf))}>" : string.Empty;

    private static string ParametersOf(MethodBase method) => string.Join(", ", method.GetParameters().Select(parameter =>
        $"{(parameter.IsOut ? "out " : parameter.IsIn ? "in " : parameter.ParameterType.IsByRef ? "ref " : "")}{NameOf(s_nullability.Create(parameter))} {parameter.Name}{(parameter.HasDefaultValue ? " = " + (parameter.DefaultValue ?? "default") : "")}"));

    /// <summary>The name of a type where it is used, with a question mark where null may stand.</summary>
    private static string NameOf(NullabilityInfo info)
    {
        var type = Nullable.GetUnderlyingType(info.Type) ?? info.Type;
        string mark = info.ReadState == NullabilityState.Nullable && !type.IsGenericParameter ? "?" : string.Empty;
        if (info.ElementType is { } element) return $"{NameOf(element)}[]{mark}";
        if (!type.IsGenericType) return NameOf(type) + mark;
        return $"{PlainNameOf(type)}<{string.Join(", ", info.GenericTypeArguments.Select(NameOf))}>{mark}";
    }

    private static string NameOf(Type type)
    {
        if (type.IsByRef) return NameOf(type.GetElementType()!);
        if (type.IsArray) return NameOf(type.GetElementType()!) + "[]";
        if (Nullable.GetUnderlyingType(type) is { } value) return NameOf(value) + "?";
        if (!type.IsGenericType) return type.IsGenericParameter ? type.Name : (type.FullName ?? type.Name).Replace("System.", string.Empty, StringComparison.Ordinal);
        return $"{PlainNameOf(type)}<{string.Join(", ", type.GetGenericArguments().Select(NameOf))}>";
    }

    private static string PlainNameOf(Type generic)
    {
        string name = generic.GetGenericTypeDefinition().FullName!.Replace("System.", string.Empty, StringComparison.Ordinal);
        return name[..name.IndexOf('`', StringComparison.Ordinal)];
    }

    private static string FirstDifference(string agreed, string actual)
    {
        string[] before = agreed.Split('\n'), now = actual.Split('\n');
        int line = 0;
        while (line < before.Length && line < now.Length && before[line] == now[line]) line++;
        return $"Line {line + 1}: agreed '{before.ElementAtOrDefault(line)}', now '{now.ElementAtOrDefault(line)}'.";
    }
}
