namespace Porthole.NetworkTests.Forwarding;

/// <summary>The folder that Debian's sshd wants for its unprivileged half, which the system makes where it runs one: here while a test does.</summary>
internal sealed class SshdPlace : IDisposable
{
    private const string Folder = "/run/sshd";

    private readonly bool _isOurs = !Directory.Exists(Folder);

    public SshdPlace() => Directory.CreateDirectory(Folder);

    public void Dispose()
    {
        if (_isOurs) Directory.Delete(Folder);
    }
}
