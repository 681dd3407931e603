namespace Porthole.Protocol.Session;

/// <summary>The frames about a stream, other than its bytes, that wait to be sent. Their contents are taken when the packet is built, so the newest value goes out.</summary>
[Flags]
internal enum StreamControls : byte
{
    None = 0,
    Reset = 1,
    StopSending = 2,
    MaxStreamData = 4,
    Blocked = 8,
}
