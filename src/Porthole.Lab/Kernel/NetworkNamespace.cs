using System.Diagnostics;
using System.Globalization;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Porthole.Lab.Kernel;

/// <summary>
/// One Linux network namespace with a name of its own, removed with everything in it on disposal. Its name holds the owning
/// process and that process's start time, so that what a killed run left behind is known as such and swept by the next.
/// </summary>
public sealed class NetworkNamespace : IDisposable
{
    private const string Prefix = "porthole-";

    private static readonly string s_owner =
        $"{Prefix}{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}-{StartTime(Environment.ProcessId)}-";

    // The kernel does it within a second, unless it has many others to raise and little time.
    private static readonly TimeSpan s_linkLimit = TimeSpan.FromSeconds(30);

    private static int s_created;

    private readonly Lock _lock = new();
    private readonly List<NamespaceProcess> _processes = [];
    private bool _disposed;

    /// <summary>Creates an empty namespace with its loopback interface up.</summary>
    /// <param name="label">A short word for people, part of the name.</param>
    /// <exception cref="KernelLabException">The kernel refused, mostly for want of privileges.</exception>
    public NetworkNamespace(string label)
    {
        Name = $"{s_owner}{Interlocked.Increment(ref s_created).ToString(CultureInfo.InvariantCulture)}-{label}";
        SystemCommand.Run("ip", ["netns", "add", Name]);
        Configure("link set lo up");
    }

    /// <summary>The name under which <c>ip netns</c> knows it.</summary>
    public string Name { get; }

    /// <summary>Applies <c>ip</c> commands inside the namespace, one per line, stopping at the first that fails.</summary>
    /// <exception cref="KernelLabException">A command failed.</exception>
    public void Configure(string commands) => SystemCommand.Run("ip", ["-n", Name, "-batch", "-"], commands + "\n");

    /// <summary>As <see cref="Configure"/>, for commands that do not show by an address that they mean IPv6.</summary>
    /// <exception cref="KernelLabException">A command failed.</exception>
    public void Configure6(string commands) => SystemCommand.Run("ip", ["-6", "-n", Name, "-batch", "-"], commands + "\n");

    /// <summary>Loads an nftables script inside the namespace, as one transaction.</summary>
    /// <exception cref="KernelLabException">The script was refused.</exception>
    public void LoadRules(string script) => SystemCommand.Run("ip", ["netns", "exec", Name, "nft", "-f", "-"], script + "\n");

    /// <summary>Sets kernel parameters of the namespace, by their path below <c>/proc/sys/net</c>.</summary>
    public void SetParameters(params (string Path, string Value)[] parameters) => Invoke(() =>
    {
        foreach (var (path, value) in parameters) File.WriteAllText("/proc/sys/net/" + path, value);
        return true;
    });

    /// <summary>Runs a command inside the namespace to its end and gives its standard output.</summary>
    /// <exception cref="KernelLabException">It failed or took longer than a minute.</exception>
    public string Run(string program, params IEnumerable<string> arguments)
    {
        ArgumentNullException.ThrowIfNull(arguments);
        return SystemCommand.Run("ip", ["netns", "exec", Name, program, .. arguments]);
    }

    /// <summary>Starts a program inside the namespace. It is ended with the namespace at the latest.</summary>
    /// <exception cref="KernelLabException">It could not be started.</exception>
    public NamespaceProcess Start(string program, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            // `ip netns exec` replaces itself by the program, so the process id is the program's own.
            var process = NamespaceProcess.Start("ip", ["netns", "exec", Name, program, .. arguments], environment);
            _processes.Add(process);
            return process;
        }
    }

    /// <summary>
    /// Runs code of this process inside the namespace, on a thread made for it. Sockets belong to the namespace of the thread that
    /// created them, whatever thread uses them later; so the function creates sockets and the caller may use them anywhere.
    /// </summary>
    /// <exception cref="KernelLabException">The namespace could not be entered. What the function throws is passed on.</exception>
    public T Invoke<T>(Func<T> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        // The thread ends with the call: a thread in a foreign namespace must never come back to the pool.
        var thread = new Thread(() =>
        {
            try
            {
                Enter();
                result = function();
            }
#pragma warning disable CA1031 // The caller gets whatever happened on the thread.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        {
            IsBackground = true,
            Name = Name,
        };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }

    /// <summary>Ends every program in the namespace and removes it.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            if (_disposed) return;
            _disposed = true;
        }
        foreach (var process in _processes) process.Dispose();
        Remove(Name);
    }

    /// <summary>
    /// Waits until an interface carries packets. The kernel finishes raising a link some time after the command that asked for it; what is sent before
    /// that is lost.
    /// </summary>
    /// <param name="name">The interface, raised at both ends.</param>
    /// <param name="states">What must be said of it: <c>state UP</c>, <c>state forwarding</c>.</param>
    /// <exception cref="KernelLabException">It does not within half a minute.</exception>
    internal void WaitForLink(string name, params ReadOnlySpan<string> states)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            string shown = SystemCommand.Run("ip", ["-n", Name, "-d", "-o", "link", "show", name]);
            bool isReady = true;
            foreach (string state in states) isReady &= shown.Contains(state, StringComparison.Ordinal);
            if (isReady) return;
            if (Stopwatch.GetElapsedTime(start) > s_linkLimit) throw new KernelLabException($"The interface {name} of {Name} does not come up: {shown}");
            Thread.Sleep(1);
        }
    }

    /// <summary>Moves the calling thread into the namespace, for good.</summary>
    internal void Enter()
    {
        int descriptor = LinuxNative.Open("/run/netns/" + Name, LinuxNative.OpenReadOnlyCloseOnExec);
        if (descriptor < 0) throw Failure("open");
        int outcome = LinuxNative.SetNamespace(descriptor, LinuxNative.CloneNewNetwork);
        KernelLabException? failure = outcome < 0 ? Failure("setns") : null;
        _ = LinuxNative.Close(descriptor);
        if (failure is not null) throw failure;
    }

    /// <summary>Removes the namespaces of runs whose process no longer exists.</summary>
    /// <returns>How many there were.</returns>
    internal static int SweepAbandoned()
    {
        if (!Directory.Exists("/run/netns")) return 0;
        int swept = 0;
        foreach (string path in Directory.EnumerateFiles("/run/netns", Prefix + "*"))
        {
            string name = Path.GetFileName(path);
            string[] parts = name.Split('-');
            if (parts.Length < 4 || !int.TryParse(parts[1], CultureInfo.InvariantCulture, out int owner)) continue;
            if (StartTime(owner) == parts[2]) continue;
            Remove(name);
            swept++;
        }
        return swept;
    }

    private static void Remove(string name)
    {
        try
        {
            foreach (string line in SystemCommand.Run("ip", ["netns", "pids", name]).Split('\n', StringSplitOptions.RemoveEmptyEntries))
            {
                if (!int.TryParse(line, CultureInfo.InvariantCulture, out int id) || id == Environment.ProcessId) continue;
                using var process = Process.GetProcessById(id);
                process.Kill();
            }
        }
        catch (Exception e) when (e is KernelLabException or ArgumentException or InvalidOperationException)
        {
            // Gone already: what had to be ended has ended.
        }
        SystemCommand.TryRun("ip", "netns", "delete", name);
    }

    /// <summary>The start time of a process in clock ticks, field 22 of its stat line; empty when there is none.</summary>
    private static string StartTime(int process)
    {
        try
        {
            string line = File.ReadAllText($"/proc/{process.ToString(CultureInfo.InvariantCulture)}/stat");
            return line[(line.LastIndexOf(')') + 2)..].Split(' ')[19];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private KernelLabException Failure(string call) =>
        new($"{call} of the namespace {Name} failed: {Marshal.GetLastPInvokeErrorMessage()}.");
}
