using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>A path between the two sessions of a <see cref="SessionLab"/>: its numbers at both ends and a link each way.</summary>
internal sealed class LabPath(SocketId socket, int prefixLength)
{
    public SocketId Socket { get; } = socket;

    public int PrefixLength { get; } = prefixLength;

    public PathId AtAlice { get; set; }

    public PathId AtBob { get; set; }

    public LabLink ToBob { get; set; } = new();

    public LabLink ToAlice { get; } = new();

    public void Both(Action<LabLink> change)
    {
        change(ToBob);
        change(ToAlice);
    }
}
