using Porthole.Forwarding;
using Porthole.Protocol.Forwarding;
using Porthole.Protocol.Peer;

namespace Porthole.Cli.Forwarding;

/// <summary>What <c>share</c> and <c>forward</c> say, in lines or as JSON.</summary>
internal sealed class ForwardingView(bool json)
{
    /// <summary>Whether it is JSON.</summary>
    public bool IsJson => json;

    /// <summary>A port is shared.</summary>
    public void Shares(SharedPort port)
    {
        string local = $"{port.Target.Host ?? "127.0.0.1"}:{port.Target.Port}";
        if (!json)
        {
            Console.WriteLine($"Sharing {port.Target} with {(port.Peers.IsEmpty ? "everyone who is let in" : string.Join(", ", port.Peers))}.");
            return;
        }

        JsonLines.Write("listening", writer =>
        {
            writer.WriteString("local", local);
            writer.WriteString("target", port.Target.ToString());
            writer.WriteString("protocol", port.Target.Kind.Code());
            writer.WriteStartArray("peers");
            foreach (var peer in port.Peers) writer.WriteStringValue(peer.ToString());
            writer.WriteEndArray();
        });
    }

    /// <summary>A local port is open.</summary>
    public void Forwards(PeerTarget peer, ForwardedPort port)
    {
        if (!json)
        {
            Console.WriteLine($"{port.Local}{(port.Target.Kind == ForwardKind.Udp ? "/udp" : "")} leads to {port.Target} of {peer}.");
            return;
        }

        JsonLines.Write("listening", writer =>
        {
            writer.WriteString("local", port.Local.ToString());
            writer.WriteString("target", port.Target.ToString());
            writer.WriteString("protocol", port.Target.Kind.Code());
            writer.WriteString("peer", peer.ToString());
        });
    }

    /// <summary>A connection to a peer stands; from now on its path is told, until it is over.</summary>
    public void Connected(PeerConnection connection)
    {
        string name = NameOf(connection);
        PathNews.Follow(
            connection,
            json,
            path => SayPeer("connected", connection, $"{name} ({connection.RemotePeerId}) is connected, {path.InWords}."),
            path =>
            {
                if (json) PeerJson.WritePath(path, null, name);
                else Console.WriteLine($"{name}: {path.InWords}.");
            });
        _ = TellEndAsync(connection);
    }

    /// <summary>An attempt to reach a peer failed.</summary>
    public void Failed(PeerTarget peer, string text)
    {
        if (json)
        {
            JsonLines.Write("failed", writer =>
            {
                writer.WriteString("peer", peer.ToString());
                writer.WriteString("text", text);
            });
        }
        else
        {
            Complaint.Write($"{text} Trying again.");
        }
    }

    /// <summary>Something happened to what is forwarded.</summary>
    public void Happened(ForwardingEvent happened)
    {
        string name = NameOf(happened.Connection);
        switch (happened)
        {
            case ForwardingEvent.Connected connected:
                if (json) Write("connection", happened, name, writer => writer.WriteString("local", connected.Local?.ToString()));
                break;
            case ForwardingEvent.Closed closed:
                if (json)
                {
                    Write("connection-closed", happened, name, writer =>
                    {
                        writer.WriteNumber("bytesToPeer", closed.BytesToPeer);
                        writer.WriteNumber("bytesFromPeer", closed.BytesFromPeer);
                        writer.WriteString("problem", closed.Problem);
                    });
                }

                break;
            case ForwardingEvent.Refused refused:
                if (json)
                {
                    Write("refused", happened, name, writer =>
                    {
                        writer.WriteString("status", refused.Status.ToString());
                        writer.WriteString("text", refused.Reason);
                    });
                }
                else
                {
                    Console.WriteLine($"{name}, {happened.Target}: {Words.Safe(refused.Reason)}");
                }

                break;
        }
    }

    /// <summary>A local connection was closed because there is none to the peer.</summary>
    public void Unconnected(ForwardTarget target, PeerException reason)
    {
        if (!json)
        {
            Complaint.Write($"{target}: {reason.Message}");
            return;
        }

        JsonLines.Write("unconnected", writer =>
        {
            writer.WriteString("target", target.ToString());
            writer.WriteString("error", reason.Error.ToString());
            writer.WriteString("text", reason.Message);
        });
    }

    private static string NameOf(PeerConnection connection) => connection.RemoteName ?? connection.RemotePeerId.Short;

    private static void Write(string what, ForwardingEvent happened, string name, Action<System.Text.Json.Utf8JsonWriter> more) => JsonLines.Write(what, writer =>
    {
        writer.WriteNumber("id", happened.Id);
        writer.WriteString("peer", name);
        writer.WriteString("target", happened.Target.ToString());
        writer.WriteString("protocol", happened.Target.Kind.Code());
        more(writer);
    });

    private async Task TellEndAsync(PeerConnection connection)
    {
        var end = await connection.Closed.ConfigureAwait(false);
        string reason = end.Text.Length > 0 ? $": {Words.Safe(end.Text)}" : "";
        SayPeer("closed", connection, $"{NameOf(connection)} is gone ({end.Error}){reason}");
    }

    private void SayPeer(string what, PeerConnection connection, string text)
    {
        if (!json)
        {
            Console.WriteLine(text);
            return;
        }

        JsonLines.Write(what, writer =>
        {
            writer.WriteString("peer", NameOf(connection));
            writer.WriteString("peerId", connection.RemotePeerId.ToString());
            if (connection.Closed is { IsCompletedSuccessfully: true, Result: var end }) writer.WriteString("error", end.Error.ToString());
        });
    }
}
