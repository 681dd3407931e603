using Porthole.Lab;
using Porthole.Lab.Nat;

namespace Porthole.Testing;

/// <summary>A NAT in a test network, behind which peers can be started: one, or several that share it.</summary>
public sealed class TestNat
{
    private int _lastHost = 9; // a router's own address and some more are left free

    internal TestNat(PortholeTestNetwork owner, NatProfile profile, SimulatedRouter router, string prefix) =>
        (Owner, Profile, Router, Prefix) = (owner, profile, router, prefix);

    /// <summary>How it behaves.</summary>
    public NatProfile Profile { get; }

    internal PortholeTestNetwork Owner { get; }

    internal SimulatedRouter Router { get; }

    /// <summary>The first three numbers of the addresses behind it.</summary>
    internal string Prefix { get; }

    /// <inheritdoc/>
    public override string ToString() => Router.Name;

    /// <summary>An address behind it that nobody had before. On the pump's thread.</summary>
    internal string NextAddress() => _lastHost < byte.MaxValue - 1
        ? $"{Prefix}.{++_lastHost}"
        : throw new InvalidOperationException($"{this} has no address left: it has had {byte.MaxValue - 10} peers.");
}
