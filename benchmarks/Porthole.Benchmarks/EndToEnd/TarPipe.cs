using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Porthole.Benchmarks.EndToEnd;

/// <summary>What people did before: <c>tar c | nc</c> at one end, <c>nc | tar x</c> at the other, over plain TCP. Nothing is encrypted, checked, or gone on with.</summary>
internal static class TarPipe
{
    /// <summary>What a copying program uses, in bytes.</summary>
    private const int Chunk = 64 * 1024;

    /// <summary>Sends a file or folder, and waits until the other end has it on its disk, as far as tar knows.</summary>
    public static async Task SendAsync(IPEndPoint to, string path)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(to).ConfigureAwait(false);
        using var tar = Start("c", "-C", Path.GetDirectoryName(path)!, Path.GetFileName(path));
        using var stream = new NetworkStream(socket);
        await tar.StandardOutput.BaseStream.CopyToAsync(stream, Chunk).ConfigureAwait(false);
        await EndAsync(tar).ConfigureAwait(false);
        socket.Shutdown(SocketShutdown.Send);
        if (await stream.ReadAsync(new byte[1]).ConfigureAwait(false) != 1) throw new EndOfStreamException("The other end did not finish.");
    }

    /// <summary>Receives into a folder.</summary>
    /// <param name="port">Where to listen.</param>
    /// <param name="folder">The folder.</param>
    /// <param name="listening">Is called when one can connect.</param>
    public static async Task ReceiveAsync(int port, string folder, Func<Task> listening)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Bind(new IPEndPoint(IPAddress.Any, port));
        listener.Listen();
        await listening().ConfigureAwait(false);
        using var socket = await listener.AcceptAsync().ConfigureAwait(false);
        using var tar = Start("x", "-C", folder);
        using var stream = new NetworkStream(socket);
        await stream.CopyToAsync(tar.StandardInput.BaseStream, Chunk).ConfigureAwait(false);
        tar.StandardInput.Close();
        await EndAsync(tar).ConfigureAwait(false);
        await stream.WriteAsync(new byte[1]).ConfigureAwait(false);
    }

    private static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo("tar", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true }) ?? throw new IOException("tar could not be started.");

    private static async Task EndAsync(Process tar)
    {
        await tar.WaitForExitAsync().ConfigureAwait(false);
        if (tar.ExitCode != 0) throw new IOException($"tar ended with {tar.ExitCode}.");
    }
}
