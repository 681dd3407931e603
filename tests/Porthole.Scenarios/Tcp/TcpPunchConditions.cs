using Porthole.Lab;

namespace Porthole.Scenarios.Tcp;

/// <summary>The conditions of a punch by TCP between two hosts, each behind a NAT of its own.</summary>
internal sealed record TcpPunchConditions
{
    // Nothing takes no time: 0 ms is two homes in one house.
    private static readonly double[] s_roundTrips = [0.1, 200, 1, 100, 5, 50, 20, 150, 10, 75];

    /// <summary>Of each direction.</summary>
    public double Loss { get; init; } = 0.05;

    /// <summary>From one host to the other.</summary>
    public TimeSpan OneWay { get; init; }

    /// <summary>How much later the controlled side starts; negative: earlier.</summary>
    public TimeSpan Skew { get; init; }

    /// <summary>How long to wait for both, from the first start.</summary>
    public TimeSpan Limit { get; init; } = TimeSpan.FromSeconds(8);

    /// <summary>What a seed draws: a round trip from 0 to 200 ms, both ends and some between, and a start error of up to 50 ms.</summary>
    public static TcpPunchConditions Draw(ulong seed)
    {
        double roundTrip = s_roundTrips[seed % (ulong)s_roundTrips.Length];
        return new TcpPunchConditions
        {
            OneWay = TimeSpan.FromMilliseconds(roundTrip / 2),
            Skew = TimeSpan.FromMilliseconds(SeededEntropy.ForStream(seed, stream: 1_000).NextDouble(-50, 50)),
        };
    }
}
