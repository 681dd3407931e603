using System.Collections.Concurrent;
using System.Reflection;

namespace Porthole.Scenarios.Attacks;

/// <summary>
/// How much a machine holds on to: everything that can be reached from it by its fields, in bytes of arrays and strings and a flat rate for each object. It
/// says the same in every run, whatever other tests do to the heap meanwhile.
/// </summary>
internal static class ReachableMemory
{
    private const int PerObject = 32;

    private static readonly ConcurrentDictionary<Type, FieldInfo[]> s_fields = new();

    public static long Of(object root)
    {
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var open = new Stack<object>();
        open.Push(root);
        long bytes = 0;
        while (open.TryPop(out var value))
        {
            if (value is Delegate or Type or Pointer || (!value.GetType().IsValueType && !seen.Add(value))) continue;
            var type = value.GetType();
            bytes += PerObject;
            if (value is string text)
            {
                bytes += 2 * text.Length;
            }
            else if (value is Array array)
            {
                var element = type.GetElementType()!;
                bytes += (long)array.Length * (element.IsPrimitive ? SizeOf(element) : IntPtr.Size);
                if (element.IsPrimitive || element.IsEnum) continue;
                foreach (object? item in array)
                {
                    if (item is not null) open.Push(item);
                }
            }
            else if (!IsForeign(type))
            {
                foreach (var field in s_fields.GetOrAdd(type, FieldsOf))
                {
                    if (field.GetValue(value) is { } held) open.Push(held);
                }
            }
        }

        return bytes;
    }

    /// <summary>Keys of the operating system, and the caches of the JSON reader, which all share.</summary>
    private static bool IsForeign(Type type) => type.Namespace is { } space
        && (space.StartsWith("System.Security", StringComparison.Ordinal) || space.StartsWith("System.Text.Json", StringComparison.Ordinal));

    private static int SizeOf(Type primitive) => Type.GetTypeCode(primitive) switch
    {
        TypeCode.Byte or TypeCode.SByte or TypeCode.Boolean => 1,
        TypeCode.Int16 or TypeCode.UInt16 or TypeCode.Char => 2,
        TypeCode.Int32 or TypeCode.UInt32 or TypeCode.Single => 4,
        _ => 8,
    };

    private static FieldInfo[] FieldsOf(Type type)
    {
        var fields = new List<FieldInfo>();
        for (var level = type; level is not null; level = level.BaseType)
        {
            fields.AddRange(level.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
                .Where(static field => !field.FieldType.IsPrimitive && !field.FieldType.IsEnum && !field.FieldType.IsPointer && !field.FieldType.IsByRefLike
                    && field.FieldType != typeof(UInt128) && field.FieldType != typeof(TimeSpan)));
        }

        return [.. fields];
    }
}
