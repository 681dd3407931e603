using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Porthole.Protocol;
using Porthole.Protocol.Punching;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Punching;

/// <summary>Runs a <see cref="TcpPuncher"/> and a <see cref="TcpAgreement"/> on plain sockets: one loop takes what happened, one connection comes out.</summary>
internal sealed class TcpPunch : IDisposable
{
    private const int Backlog = 16;

    private static readonly TimeSpan s_reportPause = TimeSpan.FromSeconds(1);

    private readonly IPEndPoint _local;
    private readonly IPEndPoint _mapped;
    private readonly TcpHoleOptions _options;
    private readonly IProgress<PunchProgress>? _progress;
    private readonly InstantClock _clock;
    private readonly TcpPuncher _puncher;
    private readonly TcpAgreement? _agreement;
    private readonly TransportAddress _remote;
    private readonly Dictionary<SocketId, Socket> _sockets = [];
    private readonly Channel<Action> _inputs = Channel.CreateUnbounded<Action>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _closing = new();
    private readonly byte[] _message = new byte[TcpAgreement.MessageSize];
    private Socket? _listener;
    private Socket? _connected;
    private int _lastId;
    private TimeSpan _nextReport;
    private bool _isExhausted;
    private bool _isOver;

    public TcpPunch(IPEndPoint local, IPEndPoint mapped, TcpHoleOptions options, IProgress<PunchProgress>? progress)
    {
        (_local, _mapped, _options, _progress) = (local, mapped, options, progress);
        _clock = new InstantClock(options.TimeProvider);
        _remote = TransportAddress.FromEndPoint(mapped);
        _puncher = new TcpPuncher(new TcpPunchOptions { Limit = options.Limit, AttemptTimeout = options.Interval }, OperatingSystemEntropy.Instance, NextId);
        if (options.Cookie is { } cookie) _agreement = new TcpAgreement(cookie, OperatingSystemEntropy.Instance);
    }

    public async Task<Socket> RunAsync(CancellationToken cancellationToken)
    {
        var listenerId = Listen();
        Report(PunchStep.Binding, null);
        await PunchClock.WaitForStartAsync(_options.StartAt, _options.TimeProvider, () => Report(PunchStep.Waiting, null), cancellationToken).ConfigureAwait(false);
        _ = AcceptAsync(_listener!);
        _puncher.AddLocal(_clock.Now, listenerId, TransportAddress.FromEndPoint(_local));
        _puncher.AddRemote(_clock.Now, _remote, TcpCandidateType.SimultaneousOpen);
        _puncher.Start(_clock.Now);
        Drain();
        while (!_isExhausted)
        {
            await WaitAsync(cancellationToken).ConfigureAwait(false);
            while (_inputs.Reader.TryRead(out var input))
            {
                input();
                Drain();
                if (_connected is not null) return _connected;
            }

            _puncher.HandleDeadline(_clock.Now);
            _agreement?.HandleDeadline(_clock.Now);
            Drain();
        }

        throw Failure();
    }

    /// <summary>Closes everything but the connection that was handed over, with RST: no TIME_WAIT stays on the port.</summary>
    public void Dispose()
    {
        _isOver = true;
        _closing.Cancel();
        _inputs.Writer.TryComplete();
        while (_inputs.Reader.TryRead(out var input)) input(); // who was accepted in the last moment is closed, too
        foreach (var socket in _sockets.Values)
        {
            if (socket != _connected) Reset(socket);
        }

        _listener?.Dispose();
        _closing.Dispose();
    }

    private static Socket CreateShared(IPEndPoint local)
    {
        var socket = new Socket(local.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // A listener and several connections on one port: on Unix this sets SO_REUSEPORT too.
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(local);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static void Reset(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException)
        {
            // It is closed already, or never was open.
        }

        socket.Dispose();
    }

    private SocketId NextId() => new(++_lastId);

    private SocketId Listen()
    {
        try
        {
            _listener = CreateShared(_local);
            _listener.Listen(Backlog);
            return NextId();
        }
        catch (SocketException exception)
        {
            throw new PunchException(
                PunchStep.Binding, $"{_local} cannot be listened on: {SocketFailures.Describe(exception)}. Choose another port, or let the sockets that use it share it (ReuseAddress).", exception);
        }
    }

    private async Task WaitAsync(CancellationToken cancellationToken)
    {
        var wait = Instant.Earlier(_puncher.NextDeadline, _agreement?.NextDeadline) is { } due ? due - _clock.Now : Timeout.InfiniteTimeSpan;
        if (wait == Timeout.InfiniteTimeSpan || wait > TimeSpan.Zero)
        {
            // A wait that is given up leaves its reader behind in the channel; it ends with the channel, or with the next input.
            using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var input = _inputs.Reader.WaitToReadAsync(late.Token).AsTask();
            await ((Task)input).WaitAsync(wait, _options.TimeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await late.CancelAsync().ConfigureAwait(false);
        }

        cancellationToken.ThrowIfCancellationRequested();
    }

    private void Drain()
    {
        if (_connected is not null) return;
        while (_puncher.TryTakeRequest(out var request)) Handle(request);
        while (_puncher.TryTakeEvent(out var happened))
        {
            if (happened is TcpPunchEvent.Connected connected) Meet(connected.Socket, isAccepted: false);
            else if (happened is TcpPunchEvent.Exhausted) _isExhausted = true;
        }

        if (_agreement is null) return;
        while (_agreement.TryWrite(out var id, _message)) Say(id);
        while (_agreement.TryTakeEvent(out var happened))
        {
            if (happened is TcpAgreementEvent.Agreed agreed && _sockets.TryGetValue(agreed.Connection, out var socket)) Take(socket);
            else if (happened is TcpAgreementEvent.Dropped dropped) Close(dropped.Connection);
        }
    }

    private void Handle(SocketRequest request)
    {
        if (request is SocketRequest.TcpConnect connect) _ = ConnectAsync(connect);
        else if (request is SocketRequest.Close close) Close(close.Socket);
    }

    private void Close(SocketId id)
    {
        if (_sockets.Remove(id, out var socket)) Reset(socket);
    }

    private async Task ConnectAsync(SocketRequest.TcpConnect connect)
    {
        Socket? socket = null;
        SocketEvent happened;
        try
        {
            _sockets[connect.Socket] = socket = CreateShared(connect.Local.ToEndPoint());
            ReportTry();
            await socket.ConnectAsync(connect.Remote.ToEndPoint(), _closing.Token).ConfigureAwait(false);
            happened = new SocketEvent.Opened(connect.Socket, TransportAddress.FromEndPoint((IPEndPoint)socket.LocalEndPoint!), TransportAddress.FromEndPoint((IPEndPoint)socket.RemoteEndPoint!));
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            var why = exception is SocketException { SocketErrorCode: var error } ? SocketFailures.Classify(error) : SocketFailure.Closed;
            happened = new SocketEvent.Failed(connect.Socket, why, exception.Message);
        }

        Post(() =>
        {
            if (!_sockets.ContainsKey(connect.Socket) && socket is not null) return; // closed meanwhile: nobody waits for it
            if (happened is SocketEvent.Failed) Close(connect.Socket);
            _puncher.HandleSocketEvent(_clock.Now, happened);
        });
    }

    private async Task AcceptAsync(Socket listener)
    {
        try
        {
            while (true)
            {
                var accepted = await listener.AcceptAsync(_closing.Token).ConfigureAwait(false);
                if (!_inputs.Writer.TryWrite(() => HandleAccepted(accepted))) Reset(accepted);
            }
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            // The punch is over.
        }
    }

    private void HandleAccepted(Socket accepted)
    {
        // From the right host alone; its port may be another than the one that the server saw.
        if (_isOver || accepted.RemoteEndPoint is not IPEndPoint from || !TransportAddress.FromEndPoint(from).SameHost(_remote))
        {
            Reset(accepted);
            return;
        }

        accepted.NoDelay = true;
        var id = NextId();
        _sockets.Add(id, accepted);
        Meet(id, isAccepted: true);
    }

    /// <summary>A connection is up.</summary>
    private void Meet(SocketId id, bool isAccepted)
    {
        if (!_sockets.TryGetValue(id, out var socket)) return;
        Report(PunchStep.Agreeing, (IPEndPoint)socket.RemoteEndPoint!);
        if (_agreement is null)
        {
            Take(socket);
            return;
        }

        _agreement.Add(_clock.Now, id, isAccepted);
        _ = ReadAsync(id, socket);
    }

    private void Take(Socket socket)
    {
        if (_connected is not null || _isOver) return;
        _connected = socket;
        Report(PunchStep.Connected, (IPEndPoint)socket.RemoteEndPoint!);
    }

    private void Say(SocketId id)
    {
        if (!_sockets.TryGetValue(id, out var socket)) return;
        try
        {
            socket.Send(_message); // a few bytes on a fresh connection: its buffer has room for them
        }
        catch (SocketException)
        {
            // The reader meets the same end.
        }
    }

    /// <summary>Reads one message, exactly; the next only when this one was not the last.</summary>
    private async Task ReadAsync(SocketId id, Socket socket)
    {
        byte[] message = new byte[TcpAgreement.MessageSize];
        try
        {
            for (int length = 0; length < message.Length;)
            {
                int count = await socket.ReceiveAsync(message.AsMemory(length), SocketFlags.None, _closing.Token).ConfigureAwait(false);
                if (count == 0) throw new SocketException((int)SocketError.ConnectionReset);
                length += count;
            }

            Post(() =>
            {
                _agreement!.HandleMessage(_clock.Now, id, message);
                if (!_agreement.IsOver && _sockets.ContainsKey(id)) _ = ReadAsync(id, socket);
            });
        }
        catch (Exception exception) when (exception is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            Post(() =>
            {
                if (!_sockets.ContainsKey(id)) return;
                Close(id);
                _agreement!.HandleClosed(id);
                _puncher.HandleSocketEvent(_clock.Now, new SocketEvent.Failed(id, SocketFailure.Closed, exception.Message));
            });
        }
    }

    private void Post(Action input) => _inputs.Writer.TryWrite(input);

    private PunchException Failure()
    {
        string seconds = _options.Limit.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);
        if (_puncher.Connections > 0 || _agreement?.HasMet == true)
        {
            return new PunchException(PunchStep.Agreeing, $"A TCP connection with {_mapped} came up, but who is there did not say the same cookie within {seconds} s. Do both sides punch, with the same cookie, or with none?");
        }

        string met = _puncher switch
        {
            { Refusals: > 0 and var refused } => string.Create(CultureInfo.InvariantCulture, $"{refused} met a refusal"),
            { Unreachables: > 0 and var unreachable } => string.Create(CultureInfo.InvariantCulture, $"{unreachable} met a network that says there is no way"),
            _ => "none was answered",
        };
        return new PunchException(
            PunchStep.Opening,
            string.Create(CultureInfo.InvariantCulture, $"No TCP connection with {_mapped} within {seconds} s: of {_puncher.Attempts} connects {met}. Is the address the newest one, and does the other side punch at the same time?"));
    }

    /// <summary>One line a second: connects that are refused follow each other within milliseconds.</summary>
    private void ReportTry()
    {
        var elapsed = _clock.Now - Instant.Zero;
        if (elapsed < _nextReport) return;
        _nextReport = elapsed + s_reportPause;
        Report(PunchStep.Opening, _mapped);
    }

    private void Report(PunchStep step, IPEndPoint? remote) => _progress?.Report(new PunchProgress(step, _puncher.Attempts, remote, _clock.Now - Instant.Zero));
}
