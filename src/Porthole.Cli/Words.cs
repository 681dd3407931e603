using System.Globalization;
using System.Text;
using Porthole.Protocol;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Peer;

namespace Porthole.Cli;

/// <summary>How things are written for people and in JSON.</summary>
internal static class Words
{
    extension(PathKind kind)
    {
        /// <summary>The kind as JSON has it.</summary>
        public string Code => kind switch
        {
            PathKind.Relay => "relay",
            PathKind.Udp => "udp",
            PathKind.Tcp => "tcp",
            PathKind.Turn => "turn",
        };
    }

    extension(ConnectionPath path)
    {
        /// <summary>The path in a few words.</summary>
        public string InWords => path.Kind switch
        {
            PathKind.Relay => "relayed by the server",
            PathKind.Udp => $"direct by UDP, {path.Local} to {path.Remote}",
            PathKind.Tcp => $"direct by TCP, {path.Local} to {path.Remote}",
            PathKind.Turn => $"relayed by TURN, {path.Remote}",
        };
    }

    extension(CheckStep step)
    {
        /// <summary>The step as JSON has it.</summary>
        public string Code => step switch
        {
            CheckStep.Sent => "sent",
            CheckStep.Received => "received",
            CheckStep.Answered => "answered",
            CheckStep.Failed => "failed",
            CheckStep.NotSymmetric => "not-symmetric",
            CheckStep.RoleConflict => "role-conflict",
        };
    }

    /// <summary>Transports as the command line has them.</summary>
    public static string CodeOf(Transports transports) => transports switch
    {
        Transports.None => "relay",
        Transports.Udp => "udp",
        Transports.Tcp => "tcp",
        Transports.All => "auto",
    };

    /// <summary>A span as a person reads it: 12.3 ms, 4.5 s.</summary>
    public static string Span(TimeSpan span) => span.TotalSeconds >= 1
        ? string.Create(CultureInfo.InvariantCulture, $"{span.TotalSeconds:0.0} s")
        : string.Create(CultureInfo.InvariantCulture, $"{span.TotalMilliseconds:0.0} ms");

    /// <summary>
    /// Text of somebody else that is safe to show: whatever could move the cursor, colour the screen or turn the writing direction around becomes a blank mark.
    /// </summary>
    public static string Safe(string text)
    {
        if (!text.Any(IsUnsafe)) return text;
        var safe = new StringBuilder(text.Length);
        foreach (char character in text) safe.Append(character is '\t' or '\n' ? ' ' : IsUnsafe(character) ? '\uFFFD' : character);
        return safe.ToString();
    }

    private static bool IsUnsafe(char character) =>
        char.IsControl(character) || character is '\u061C' or '\u200B' or '\u200E' or '\u200F' or '\u2028' or '\u2029' or (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069') or '\uFEFF';
}
