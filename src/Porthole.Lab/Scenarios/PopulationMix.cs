using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Porthole.Lab.Scenarios;

/// <summary>Where peers are, in shares that add up to 1.</summary>
/// <param name="Fixed">At home.</param>
/// <param name="Mobile">On a phone network.</param>
/// <param name="Enterprise">At work, on a campus, in a cloud.</param>
public sealed record PopulationMix(double Fixed, double Mobile, double Enterprise)
{
    /// <summary>People: 60 % at home, 30 % on phones, 10 % at work.</summary>
    public static PopulationMix Consumer { get; } = new(0.6, 0.3, 0.1);

    /// <summary>Reads shares in percent: 60/30/10.</summary>
    /// <param name="text">The text.</param>
    /// <param name="mix">The shares.</param>
    /// <returns>False when there are not three of them that add up to 100.</returns>
    public static bool TryParse(string? text, [NotNullWhen(true)] out PopulationMix? mix)
    {
        mix = null;
        string[] parts = text?.Split('/') ?? [];
        Span<int> percents = stackalloc int[3];
        if (parts.Length != percents.Length) return false;
        for (int i = 0; i < parts.Length; i++)
        {
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out percents[i]) || percents[i] > 100) return false;
        }

        if (percents[0] + percents[1] + percents[2] != 100) return false;
        mix = new PopulationMix(percents[0] / 100.0, percents[1] / 100.0, percents[2] / 100.0);
        return true;
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{100 * Fixed:0}/{100 * Mobile:0}/{100 * Enterprise:0}");
}
