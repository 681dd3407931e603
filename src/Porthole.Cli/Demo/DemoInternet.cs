namespace Porthole.Cli.Demo;

/// <summary>The demo's small internet on loopback addresses: a server, and two home networks behind NATs. Each run has its own, so that several may run at once.</summary>
internal sealed class DemoInternet
{
    // Networks of 256 addresses, as home networks are: hosts of one such network would be taken for neighbours.
    private readonly string _base;
    private readonly int _first;

    public DemoInternet(int number)
    {
        _base = $"127.{64 + number % 128}";
        _first = number / 128 % 63 * 4;
    }

    public string Server => Address(0, 1);

    public DemoHome Alice => new("alice", Address(1, 2), Address(1, 1), Address(0, 11));

    public DemoHome Bob => new("bob", Address(2, 2), Address(2, 1), Address(0, 22));

    private string Address(int network, int host) => $"{_base}.{_first + network}.{host}";
}

/// <summary>One of its home networks.</summary>
/// <param name="Name">Who lives there.</param>
/// <param name="Host">The host's private address.</param>
/// <param name="Gateway">The NAT's address inside.</param>
/// <param name="Outside">The NAT's address outside.</param>
internal sealed record DemoHome(string Name, string Host, string Gateway, string Outside)
{
    /// <summary>How the demo calls the NAT.</summary>
    public string Nat => Name + "'s NAT";
}
