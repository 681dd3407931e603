namespace Porthole.Lab.Nat;

/// <summary>
/// The whole world of <see cref="PunchModel"/>: two NATs with one endpoint behind each, and which of the other's ports each side has learned. Ports
/// are numbered in the order in which they are made; port 0 is the one that the server saw.
/// </summary>
/// <remarks>Of each side 17 bytes: the count of ports; each port's mapping key; each port's permits as bits; the port by which answers to each of the
/// other's ports leave, plus one; the known ports of the other as bits.</remarks>
internal sealed class PunchState : IEquatable<PunchState>
{
    /// <summary>More than any pair of NATs needs before it has shown what it can do.</summary>
    public const int MaxPorts = 5;

    /// <summary>A remote: one of the other side's ports, or the server.</summary>
    public const int Server = MaxPorts;

    private const int Keys = 1, Permits = Keys + MaxPorts, Routes = Permits + MaxPorts, Known = Routes + MaxPorts, Size = Known + 1;
    private const byte OtherHost = 6, ServerHost = 7, Everybody = 8;

    private readonly byte[] _bytes;

    private PunchState(byte[] bytes) => _bytes = bytes;

    public static PunchState Start(PunchSide first, PunchSide second)
    {
        var state = new PunchState(new byte[2 * Size]);
        state.TrySend(first, 0, Server, out _);
        state.TrySend(second, 1, Server, out _);
        state.Learn(0, 0);
        state.Learn(1, 0);
        return state;
    }

    public PunchState Copy() => new([.. _bytes]);

    public int Ports(int side) => _bytes[side * Size];

    public bool Knows(int side, int port) => (_bytes[side * Size + Known] >> port & 1) != 0;

    public void Learn(int side, int port) => _bytes[side * Size + Known] |= (byte)(1 << port);

    /// <summary>A packet leaves: which port it gets, and what that opens.</summary>
    public bool TrySend(PunchSide nat, int side, int remote, out int port)
    {
        int at = side * Size;
        port = remote != Server && nat.Answers == AnswerRoute.SameSession ? _bytes[at + Routes + remote] - 1 : -1;
        byte key = nat.Mapping switch
        {
            NatMapping.EndpointIndependent => Everybody,
            NatMapping.AddressDependent => remote == Server ? ServerHost : OtherHost,
            NatMapping.AddressAndPortDependent => (byte)remote,
        };
        for (int i = 0; port < 0 && i < Ports(side); i++)
        {
            if (_bytes[at + Keys + i] == key + 1) port = i;
        }

        if (port < 0)
        {
            if (Ports(side) == MaxPorts) return false;
            port = _bytes[at]++;
            _bytes[at + Keys + port] = (byte)(key + 1);
        }

        if (remote != Server) _bytes[at + Routes + remote] = (byte)(port + 1);
        _bytes[at + Permits + (nat.Scope == FilterScope.PerMapping ? port : 0)] |= Permit(nat, remote);
        return true;
    }

    /// <summary>A packet arrives at a port of a side: whether it is let in, and what that changes.</summary>
    public bool TryReceive(PunchSide nat, int side, int port, int remote)
    {
        int at = side * Size;
        byte wanted = Permit(nat, remote);
        if ((_bytes[at + Permits + (nat.Scope == FilterScope.PerMapping ? port : 0)] & wanted) != wanted) return false;
        if (nat.Answers == AnswerRoute.SameSession) _bytes[at + Routes + remote] = (byte)(port + 1);
        return true;
    }

    public bool Equals(PunchState? other) => other is not null && _bytes.AsSpan().SequenceEqual(other._bytes);

    public override bool Equals(object? obj) => Equals(obj as PunchState);

    public override int GetHashCode()
    {
        var hash = default(HashCode);
        hash.AddBytes(_bytes);
        return hash.ToHashCode();
    }

    private static byte Permit(PunchSide nat, int remote) => nat.Filtering switch
    {
        NatFiltering.EndpointIndependent => 0,
        NatFiltering.AddressDependent => (byte)(1 << (remote == Server ? ServerHost : OtherHost)),
        NatFiltering.AddressAndPortDependent => (byte)(1 << remote),
    };
}
