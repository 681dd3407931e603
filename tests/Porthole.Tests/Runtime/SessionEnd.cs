using System.Collections.Concurrent;
using System.Threading.Channels;
using Porthole.Protocol;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Session;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Tests.Runtime;

/// <summary>One end of a session over loopback, with the library's own streams on it.</summary>
internal sealed class SessionEnd : IStreamOwner, IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly MachineHost<SessionMachine> _host;
    private readonly ConcurrentDictionary<long, PeerStream> _streams = new();
    private readonly Channel<PeerStream> _incoming = Channel.CreateUnbounded<PeerStream>();
    private readonly TaskCompletionSource _confirmed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private SessionEnd() => _host = new MachineHost<SessionMachine>(Machine, new RealNetwork(), new InstantClock(TimeProvider.System), TakeEvents);

    public SessionMachine Machine { get; } = new();

    /// <summary>What those are told who use a stream when the session is over; they wait for it.</summary>
    public TaskCompletionSource<PeerException> Ending { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string RemoteLabel => "the other end";

    /// <summary>Whether what the end was is told as soon as there is one.</summary>
    public bool TellsEnd { get; set; } = true;

    public PathKind PathKind => PathKind.Udp;

    /// <summary>Two ends that have shaken hands.</summary>
    public static async Task<(SessionEnd Alice, SessionEnd Bob)> ConnectAsync(SessionOptions? options = null)
    {
        var entropy = OperatingSystemEntropy.Instance;
        SessionEnd alice = new(), bob = new();
        var aliceAt = await alice.Machine.Opened.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        var bobAt = await bob.Machine.Opened.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        using var aliceKey = IdentityKey.Generate(entropy);
        using var bobKey = IdentityKey.Generate(entropy);
        var id = SessionId.Create(entropy);
        var call = SessionHandshake.Initiate(id, aliceKey, PeerPin.To(bobKey.PublicKey), "bob", default, entropy);
        Assert.Equal(HandshakeVerdict.Accepted, SessionHandshake.TryRespond(id, bobKey, aliceKey.PeerId, "bob", default, call.Outgoing.Span, entropy, out var answer));
        await bob._host.InvokeAsync((machine, now) =>
        {
            machine.Begin(now, PeerSession.Respond(now, options ?? SessionOptions.Default, entropy, answer!), aliceAt);
            return true;
        });
        await alice._host.InvokeAsync((machine, now) =>
        {
            machine.Begin(now, PeerSession.Initiate(now, options ?? SessionOptions.Default, entropy, call), bobAt);
            return true;
        });
        await alice._confirmed.Task.WaitAsync(Patience, TestContext.Current.CancellationToken);
        return (alice, bob);
    }

    public async Task<PeerStream> OpenAsync() => Assert.IsType<PeerStream>(await _host.InvokeAsync((machine, now) =>
        machine.Session.TryOpenStream(now, out var stream) ? Register(stream) : null));

    public async Task<PeerStream> AcceptAsync() => await _incoming.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask().WaitAsync(Patience);

    public Task CloseAsync() => _host.InvokeAsync((machine, now) =>
    {
        machine.Session.Close(now, 7, "done");
        return true;
    });

    public Task<SessionStatistics> StatisticsAsync() => _host.InvokeAsync((machine, _) => machine.Session.Statistics);

    public void PostActivity(PeerStream stream) => _host.Post(static (machine, now, state) => machine.Session.HandleStreamActivity(now, ((PeerStream)state!).Inner), stream);

    public Task<PeerException> EndAsync(CancellationToken cancellationToken) => Ending.Task.WaitAsync(cancellationToken);

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    private PeerStream Register(SessionStream stream) => _streams.GetOrAdd(stream.Id, _ => new PeerStream(this, stream));

    private void TakeEvents(SessionMachine machine, Instant now)
    {
        while (machine.TryTakeEvent(out var happened))
        {
            switch (happened)
            {
                case SessionEvent.Confirmed:
                    _confirmed.TrySetResult();
                    break;
                case SessionEvent.StreamOpened opened:
                    _incoming.Writer.TryWrite(Register(opened.Stream));
                    break;
                case SessionEvent.StreamReadable readable:
                    Register(readable.Stream).HandleReadable();
                    break;
                case SessionEvent.StreamWritable writable:
                    Register(writable.Stream).HandleWritable();
                    break;
                case SessionEvent.StreamClosed over:
                    Register(over.Stream).HandleOver();
                    break;
                case SessionEvent.Closed closed:
                    if (TellsEnd) Ending.TrySetResult(new PeerException(closed.ByPeer ? PeerError.ClosedByPeer : PeerError.Closed, "The session is over."));
                    foreach (var stream in _streams.Values) stream.Wake();
                    break;
            }
        }
    }
}
