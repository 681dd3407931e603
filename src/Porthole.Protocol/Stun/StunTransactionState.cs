namespace Porthole.Protocol.Stun;

/// <summary>How far a transaction has come.</summary>
public enum StunTransactionState
{
    /// <summary>An answer is waited for, or the first attempt is still to be sent.</summary>
    Active,

    /// <summary>An answer came.</summary>
    Answered,

    /// <summary>No answer came in time.</summary>
    TimedOut,
}
