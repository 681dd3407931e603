namespace Porthole.Lab.Nat;

/// <summary>What a TCP punch can do between two NATs.</summary>
public enum TcpPunchOutcome
{
    /// <summary>Both sides connect to where the server saw the other.</summary>
    Plain,

    /// <summary>One side must connect to the port that the other will get, which nobody has seen.</summary>
    OnePort,

    /// <summary>Both must.</summary>
    TwoPorts,

    /// <summary>There is no way, whatever is known.</summary>
    Impossible,
}
