// Two people behind NATs talk over TLS on a TCP socket that this program punched.
//   TcpPunch STUN-SERVER[:PORT] [LOCAL-PORT]
// Both start it, tell each other the line that it prints (an address and the fingerprint of a key made for this run), and type. "exit" ends both.
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Porthole.Punching;

const int UsualStunPort = 3478;

if (args is not [var serverText, ..])
{
    await Console.Error.WriteLineAsync("usage: TcpPunch STUN-SERVER[:PORT] [LOCAL-PORT]");
    return 2;
}

try
{
    // 1. A port, what the world sees of it, and a key.
    using var port = await HolePuncher.MapTcpPortAsync(args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 0, await ResolveAsync(serverText));
    using var certificate = CreateCertificate();

    // 2. Address and fingerprint cross over by a way that nobody tampers with: that is all the trust that TLS needs.
    string own = FingerprintOf(certificate);
    Console.WriteLine($"Your line, tell the other side: {port.Mapped} {own}");
    Console.Write("The other side's line: ");
    if (Console.ReadLine()?.Trim().Split(' ') is not [var addressText, var other] || !IPEndPoint.TryParse(addressText, out var address))
    {
        await Console.Error.WriteLineAsync("That is no line of this program: it is an address, a space and a fingerprint.");
        return 2;
    }

    // 3. Both punch from the mapped port, while the connection to the server keeps the mapping.
    var options = new TcpHoleOptions { Timeout = TimeSpan.FromMinutes(1) };
    using var socket = await HolePuncher.PunchTcpAsync(port.Local, address, options, new Steps());

    // 4. TLS. Both sides have connected, so they choose the server by something that both know.
    await using var tls = new SslStream(new NetworkStream(socket));
    RemoteCertificateValidationCallback isPeer = (_, shown, _, _) => shown is X509Certificate2 peer && FingerprintOf(peer) == other;
    if (string.CompareOrdinal(own, other) < 0)
    {
        await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = certificate, ClientCertificateRequired = true, RemoteCertificateValidationCallback = isPeer });
    }
    else
    {
        await tls.AuthenticateAsClientAsync(new SslClientAuthenticationOptions { TargetHost = "peer", ClientCertificates = [certificate], RemoteCertificateValidationCallback = isPeer });
    }

    Console.WriteLine($"{tls.SslProtocol}, the key is the one you were told. Type lines; 'exit' ends both.");
    await Task.WhenAny(ReadAsync(tls), TypeAsync(tls));
    return 0;
}
catch (Exception exception) when (exception is IOException or SocketException or AuthenticationException or FormatException)
{
    await Console.Error.WriteLineAsync(exception.Message);
    return 1;
}

static async Task ReadAsync(Stream stream)
{
    using var reader = new StreamReader(stream, Encoding.UTF8, leaveOpen: true);
    while (await reader.ReadLineAsync() is { } line && line != "exit") Console.WriteLine($"> {line}");
}

static Task TypeAsync(Stream stream) => Task.Run(async () =>
{
    while (true)
    {
        string line = Console.ReadLine() ?? "exit";
        await stream.WriteAsync(Encoding.UTF8.GetBytes(line + "\n"));
        if (line == "exit") return;
    }
});

static X509Certificate2 CreateCertificate()
{
    using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    using var certificate = new CertificateRequest("CN=peer", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
    return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
}

static string FingerprintOf(X509Certificate2 certificate) => certificate.GetCertHashString(HashAlgorithmName.SHA256);

static async Task<IPEndPoint> ResolveAsync(string text)
{
    string[] parts = text.Split(':', 2);
    var addresses = await Dns.GetHostAddressesAsync(parts[0], AddressFamily.InterNetwork);
    return new IPEndPoint(addresses[0], parts.Length > 1 ? int.Parse(parts[1], CultureInfo.InvariantCulture) : UsualStunPort);
}

/// <summary>Shows each step as it is taken.</summary>
internal sealed class Steps : IProgress<PunchProgress>
{
    public void Report(PunchProgress value) => Console.WriteLine(value);
}
