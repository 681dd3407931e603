namespace Porthole.Protocol.Forwarding;

/// <summary>What is forwarded.</summary>
public enum ForwardKind
{
    /// <summary>TCP connections, each on a stream of its own.</summary>
    Tcp = 1,

    /// <summary>UDP datagrams, on datagrams; a stream stands for all of one shared port.</summary>
    Udp = 2,
}
