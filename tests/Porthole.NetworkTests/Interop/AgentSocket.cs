using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading.Channels;
using Porthole.Lab.Kernel;
using Porthole.Protocol;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.NetworkTests.Interop;

/// <summary>One of our ICE agents on one real socket inside a namespace, driven by a thread of its own.</summary>
internal sealed class AgentSocket : IDisposable
{
    private static readonly SocketId s_id = new(1);

    private readonly Socket _socket;
    private readonly Thread _thread;
    private readonly Lock _lock = new();
    private readonly Channel<string> _received = Channel.CreateUnbounded<string>();
    private readonly TaskCompletionSource<CandidatePair> _selected = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _start = Stopwatch.GetTimestamp();
    private volatile bool _stopping;

    public AgentSocket(KernelHost host, IceAgent agent)
    {
        Agent = agent;
        _socket = host.Namespace.Invoke(() => new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp));
        _socket.Bind(new IPEndPoint(host.Address, 0));
        agent.AddLocalCandidate(Now, Candidate.Host(s_id, TransportAddress.FromEndPoint((IPEndPoint)_socket.LocalEndPoint!)));
        _thread = new Thread(Run) { IsBackground = true };
    }

    public IceAgent Agent { get; }

    /// <summary>The first nominated pair.</summary>
    public Task<CandidatePair> Selected => _selected.Task;

    private Instant Now => new(Stopwatch.GetElapsedTime(_start).Ticks);

    public void Start(IceCredentials remote, IEnumerable<string> candidates)
    {
        Agent.SetRemoteCredentials(Now, remote);
        foreach (string text in candidates)
        {
            Assert.True(CandidateText.TryParse(text, out var candidate), text);
            Agent.AddRemoteCandidate(Now, candidate);
        }
        Agent.EndOfRemoteCandidates(Now);
        Agent.Start(Now);
        _thread.Start();
    }

    public void Send(string text)
    {
        lock (_lock) _socket.SendTo(Encoding.UTF8.GetBytes(text), Agent.Selected!.RemoteAddress.ToEndPoint());
    }

    public async Task<string> ReceiveAsync(CancellationToken cancellationToken) => await _received.Reader.ReadAsync(cancellationToken);

    public void Dispose()
    {
        _stopping = true;
        if (_thread.IsAlive) _thread.Join();
        _socket.Dispose();
    }

    private void Run()
    {
        byte[] buffer = new byte[2048];
        while (!_stopping)
        {
            TimeSpan wait;
            lock (_lock)
            {
                Drain();
                wait = Agent.NextDeadline is { } deadline ? deadline - Now : TimeSpan.MaxValue;
            }
            wait = TimeSpan.FromTicks(Math.Clamp(wait.Ticks, 0, TimeSpan.FromMilliseconds(20).Ticks));
            bool readable = _socket.Poll(wait, SelectMode.SelectRead);
            lock (_lock)
            {
                if (readable) Receive(buffer);
                else Agent.HandleDeadline(Now);
            }
        }
    }

    private void Receive(byte[] buffer)
    {
        EndPoint sender = new IPEndPoint(IPAddress.Any, 0);
        int length = _socket.ReceiveFrom(buffer, ref sender);
        if (Agent.HandleDatagram(Now, s_id, TransportAddress.FromEndPoint((IPEndPoint)sender), buffer.AsSpan(0, length))) return;
        if (StunReader.TryParse(buffer.AsSpan(0, length), out _)) return; // the second answer, to a check that was repeated while the first was on its way
        _received.Writer.TryWrite(Encoding.UTF8.GetString(buffer, 0, length));
    }

    private void Drain()
    {
        byte[] memory = new byte[2048];
        while (true)
        {
            var writer = new DatagramBatchWriter(memory);
            if (!Agent.TryWrite(Now, ref writer)) break;
            _socket.SendTo(writer.Written, writer.Remote.ToEndPoint());
        }
        while (Agent.TryTakeEvent(out var happened))
        {
            if (happened is IceEvent.PairSelected(var pair)) _selected.TrySetResult(pair);
        }
    }
}
