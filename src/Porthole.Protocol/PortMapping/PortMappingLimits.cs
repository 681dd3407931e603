namespace Porthole.Protocol.PortMapping;

/// <summary>What is asked of gateways, and what is taken from them.</summary>
internal static class PortMappingLimits
{
    /// <summary>The lowest port that is mapped, inside and outside: below are services of the system, which nobody punches from.</summary>
    public const int LowestPort = 1_024;

    /// <summary>The most mappings of one host address: a port of UDP, and one of TCP.</summary>
    public const int MaxMappings = 4;

    /// <summary>The most gateways that are asked: a host has few default routes.</summary>
    public const int MaxGateways = 4;

    /// <summary>The longest HTTP answer that is read, in bytes: descriptions of gateways have a few kilobytes.</summary>
    public const int MaxHttpAnswer = 64 * 1024;

    /// <summary>The longest text of a gateway that goes into a line for a person, in characters.</summary>
    public const int MaxQuote = 60;

    /// <summary>What is asked for, and at most believed. A host that is switched off leaves its mapping behind for so long.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromHours(1);

    /// <summary>The shortest lease that is of use: one is renewed at half its time, and a gateway is not asked more often than every 30 s.</summary>
    public static readonly TimeSpan ShortestLease = TimeSpan.FromMinutes(1);

    /// <summary>The shortest time between two requests for the same mapping.</summary>
    public static readonly TimeSpan ShortestPause = TimeSpan.FromSeconds(30);

    /// <summary>How often a gateway is asked whether it has forgotten everything (RFC 6887 section 8.5): a packet of 24 bytes.</summary>
    public static readonly TimeSpan CheckPeriod = TimeSpan.FromMinutes(2);

    /// <summary>How often UPnP is asked for the same mapping again: a gateway that was restarted does not say so.</summary>
    public static readonly TimeSpan UpnpCheckPeriod = TimeSpan.FromMinutes(10);

    /// <summary>The shortest time between two recoveries from a restart of the gateway: one that says so in every answer must not be flooded.</summary>
    public static readonly TimeSpan RecoveryPause = TimeSpan.FromSeconds(10);

    /// <summary>How long PCP may take where another protocol has answered already: it says of mappings what the others do not.</summary>
    public static readonly TimeSpan PcpHeadStart = TimeSpan.FromMilliseconds(250);

    /// <summary>When a gateway that maps nothing is asked again, unless the network changes before.</summary>
    public static readonly TimeSpan RetryPeriod = TimeSpan.FromMinutes(30);

    /// <summary>When a gateway that has mapped something and is silent now is looked for again.</summary>
    public static readonly TimeSpan LossPause = TimeSpan.FromMinutes(1);

    /// <summary>The longest that an HTTP answer may take, connection included.</summary>
    public static readonly TimeSpan HttpTimeout = TimeSpan.FromSeconds(3);
}
