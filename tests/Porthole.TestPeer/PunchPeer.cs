using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Porthole.Punching;

namespace Porthole.TestPeer;

/// <summary>
/// One side of a bare TCP punch with TLS over it: says its mapped address and the hash of its key, is told those of the other side, punches, and exchanges bytes.
/// </summary>
internal static class PunchPeer
{
    // The two are told one after the other, and begin apart.
    private static readonly TcpHoleOptions s_options = new() { Timeout = TimeSpan.FromMinutes(1) };

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    public static async Task RunAsync(IPEndPoint stunServer, int port)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var own = new CertificateRequest("CN=punch", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var certificate = X509CertificateLoader.LoadPkcs12(own.Export(X509ContentType.Pfx), null);
        using var mapping = await HolePuncher.MapTcpPortAsync(port, stunServer);
        Report.Write(new { @event = "mapped", mapped = mapping.Mapped.ToString(), pin = Pin(certificate) });
        while (await Console.In.ReadLineAsync() is { } line)
        {
            var command = JsonSerializer.Deserialize<PunchCommand>(line, s_json)!;
            using var socket = await HolePuncher.PunchTcpAsync(mapping.Local, IPEndPoint.Parse(command.Remote), s_options);
            await using var tls = new SslStream(new NetworkStream(socket), leaveInnerStreamOpen: false);
            // Both sides of the punch have connected, so who is the server is agreed beforehand.
            if (command.IsServer) await tls.AuthenticateAsServerAsync(ServerOptions(certificate, command.Pin));
            else await tls.AuthenticateAsClientAsync(ClientOptions(certificate, command.Pin));
            var exchange = command.IsServer ? await Exchange.AnswerAsync(tls) : await Exchange.AskAsync(tls, command.Bytes, 0, null);
            Report.Write(new
            {
                @event = "done",
                intact = exchange.IsIntact,
                received = exchange.Received,
                local = socket.LocalEndPoint!.ToString(),
                remote = socket.RemoteEndPoint!.ToString(),
                protocol = tls.SslProtocol.ToString(),
            });
        }
    }

    private static SslServerAuthenticationOptions ServerOptions(X509Certificate2 certificate, string peerPin) => new()
    {
        ServerCertificate = certificate,
        ClientCertificateRequired = true,
        EnabledSslProtocols = SslProtocols.Tls13,
        RemoteCertificateValidationCallback = (_, shown, _, _) => shown is X509Certificate2 peer && Pin(peer) == peerPin,
    };

    private static SslClientAuthenticationOptions ClientOptions(X509Certificate2 certificate, string peerPin) => new()
    {
        TargetHost = "punch",
        ClientCertificates = [certificate],
        EnabledSslProtocols = SslProtocols.Tls13,
        RemoteCertificateValidationCallback = (_, shown, _, _) => shown is X509Certificate2 peer && Pin(peer) == peerPin,
    };

    private static string Pin(X509Certificate2 certificate) => Convert.ToHexString(SHA256.HashData(certificate.PublicKey.ExportSubjectPublicKeyInfo()));
}
