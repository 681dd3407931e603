using Porthole.Protocol.Peer;

namespace Porthole.Cli;

/// <summary>What is told of the path of a connection: the first, and every change, also one that comes before anybody listens.</summary>
internal static class PathNews
{
    /// <summary>Tells the path, and follows it until the connection is over.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="json">Whether a program reads it, which knows of a direct path by an event only.</param>
    /// <param name="connected">Says that there is a connection, and to people on which path.</param>
    /// <param name="moved">Says that the path is another one; called once at a time.</param>
    public static void Follow(PeerConnection connection, bool json, Action<ConnectionPath> connected, Action<ConnectionPath> moved)
    {
        var gate = new Lock();
        var first = connection.Path;
        connected(first);
        var told = json && first.IsDirect ? null : first;
        connection.PathChanged += (_, path) =>
        {
            lock (gate) Tell(path);
        };
        lock (gate) Tell(connection.Path); // it may have moved while the first was written

        void Tell(ConnectionPath path)
        {
            if (path == told) return;
            told = path;
            moved(path);
        }
    }
}
