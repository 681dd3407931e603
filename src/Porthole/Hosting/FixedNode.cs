using Porthole.Protocol.Peer;

namespace Porthole.Hosting;

/// <summary>A node that the program has started itself, and ends itself.</summary>
internal sealed class FixedNode(PeerNode node) : IPorthole
{
    public PeerNode? Node => node.Stopped.IsCompleted ? null : node;

    public PortholeStatus Status => StatusOf(node);

    public static PortholeStatus StatusOf(PeerNode node) =>
        node.Stopped.IsCompleted ? new(PortholeStatusKind.Ended, EndOf(node))
        : node.Server.IsRegistered ? new(PortholeStatusKind.Registered, $"Registered as {node.Name ?? node.Id.ToString()}.")
        : new(PortholeStatusKind.ServerLost, node.Server.Text);

    public ValueTask<PeerNode> GetNodeAsync(CancellationToken cancellationToken = default) =>
        node.Stopped.IsCompleted ? ValueTask.FromException<PeerNode>(new PeerException(PeerError.Closed, EndOf(node))) : ValueTask.FromResult(node);

    public static string EndOf(PeerNode node) => node.Stopped.IsFaulted
        ? $"The peer ended because of a defect: {node.Stopped.Exception.InnerException!.Message}"
        : "The peer was closed here.";
}
