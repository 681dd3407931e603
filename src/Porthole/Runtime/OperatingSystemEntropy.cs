using System.Security.Cryptography;
using Porthole.Protocol;

namespace Porthole.Runtime;

/// <summary>Chance from the operating system: what every program outside the lab uses.</summary>
public sealed class OperatingSystemEntropy : EntropySource
{
    private OperatingSystemEntropy()
    {
    }

    /// <summary>The only one; any thread may use it.</summary>
    public static OperatingSystemEntropy Instance { get; } = new();

    /// <inheritdoc/>
    public override void Fill(Span<byte> destination) => RandomNumberGenerator.Fill(destination);
}
