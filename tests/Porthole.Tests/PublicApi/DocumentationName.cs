using System.Reflection;

namespace Porthole.Tests.PublicApi;

/// <summary>The names under which the compiler writes documentation down (C# specification, annex D.4.2).</summary>
internal static class DocumentationName
{
    public static string Of(Type type) => "T:" + Plain(type);

    public static string Of(MemberInfo member) => member switch
    {
        FieldInfo field => $"F:{Plain(field.DeclaringType!)}.{field.Name}",
        EventInfo happening => $"E:{Plain(happening.DeclaringType!)}.{happening.Name}",
        PropertyInfo property => $"P:{Plain(property.DeclaringType!)}.{property.Name}{Parameters(property.GetIndexParameters())}",
        ConstructorInfo constructor => $"M:{Plain(constructor.DeclaringType!)}.#ctor{Parameters(constructor.GetParameters())}",
        MethodInfo method => $"M:{Plain(method.DeclaringType!)}.{method.Name}{(method.IsGenericMethod ? $"``{method.GetGenericArguments().Length}" : "")}{Parameters(method.GetParameters())}{Conversion(method)}",
        _ => throw new ArgumentOutOfRangeException(nameof(member)),
    };

    private static string Plain(Type type) => type.FullName!.Replace('+', '.');

    private static string Conversion(MethodInfo method) => method.Name is "op_Implicit" or "op_Explicit" ? "~" + Reference(method.ReturnType) : string.Empty;

    private static string Parameters(ParameterInfo[] parameters) => parameters.Length == 0 ? string.Empty : $"({string.Join(',', parameters.Select(static one => Reference(one.ParameterType)))})";

    private static string Reference(Type type)
    {
        if (type.IsByRef) return Reference(type.GetElementType()!) + "@";
        if (type.IsPointer) return Reference(type.GetElementType()!) + "*";
        if (type.IsArray) return Reference(type.GetElementType()!) + "[]";
        if (type.IsGenericMethodParameter) return $"``{type.GenericParameterPosition}";
        if (type.IsGenericParameter) return $"`{type.GenericParameterPosition}";
        if (!type.IsGenericType) return Plain(type);

        // A nested type repeats the arguments of the type around it; each stands where it was declared.
        var arguments = new Queue<Type>(type.GetGenericArguments());
        var names = type.GetGenericTypeDefinition().FullName!.Split('+').Select(name =>
        {
            int mark = name.IndexOf('`', StringComparison.Ordinal);
            if (mark < 0) return name;
            int count = int.Parse(name.AsSpan(mark + 1), System.Globalization.CultureInfo.InvariantCulture);
            return $"{name[..mark]}{{{string.Join(',', Enumerable.Range(0, count).Select(_ => Reference(arguments.Dequeue())))}}}";
        });
        return string.Join('.', names);
    }
}
