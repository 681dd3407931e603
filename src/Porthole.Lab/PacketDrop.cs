namespace Porthole.Lab;

/// <summary>Where and why a simulated packet ended without being delivered.</summary>
public enum PacketDrop
{
    /// <summary>It did not.</summary>
    None,

    /// <summary>A NAT or firewall dropped it.</summary>
    Filtered,

    /// <summary>Lost on a link, by its loss rate.</summary>
    Lost,

    /// <summary>Larger than a link takes.</summary>
    TooLarge,

    /// <summary>Too many bytes waited for a link.</summary>
    QueueFull,

    /// <summary>A link was down.</summary>
    LinkDown,

    /// <summary>A link lets no UDP pass.</summary>
    UdpBlocked,

    /// <summary>The path between the two hosts was cut.</summary>
    Cut,

    /// <summary>Nobody has the destination address.</summary>
    NoRoute,

    /// <summary>The time to live ended on the way.</summary>
    TimeToLiveExpired,

    /// <summary>The host has no such socket.</summary>
    NoSocket,
}

/// <summary>Ends of packets in words.</summary>
public static class PacketDrops
{
    extension(PacketDrop drop)
    {
        /// <summary>The reason for a person.</summary>
        public string Meaning => drop switch
        {
            PacketDrop.None => "delivered",
            PacketDrop.Filtered => "dropped by the NAT or firewall",
            PacketDrop.Lost => "lost on the link",
            PacketDrop.TooLarge => "too large for the link",
            PacketDrop.QueueFull => "the link's queue is full",
            PacketDrop.LinkDown => "the link is down",
            PacketDrop.UdpBlocked => "UDP is blocked",
            PacketDrop.Cut => "the path is cut",
            PacketDrop.NoRoute => "nobody has that address",
            PacketDrop.TimeToLiveExpired => "the time to live ended",
            PacketDrop.NoSocket => "no socket at that port",
        };
    }
}
