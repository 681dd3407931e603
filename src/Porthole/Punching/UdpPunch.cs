using System.Buffers;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Porthole.Protocol;
using Porthole.Protocol.Punching;
using Porthole.Runtime;
using Porthole.Sockets;

namespace Porthole.Punching;

/// <summary>Runs a <see cref="UdpPuncher"/> on the caller's socket. Datagrams are looked at before they are taken: what the program on the other side sends is left to the caller.</summary>
internal sealed class UdpPunch : IDisposable
{
    /// <summary>No datagram is longer.</summary>
    private const int MaxDatagram = 65_536;

    private readonly Socket _socket;
    private readonly UdpHoleOptions _options;
    private readonly IProgress<PunchProgress>? _progress;
    private readonly IPEndPoint _mapped;
    private readonly UdpPuncher _puncher;
    private readonly InstantClock _clock;
    private readonly SocketId _id = new(1);
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(MaxDatagram);
    private readonly byte[] _output = new byte[TcpAgreement.MessageSize];
    private readonly IPEndPoint _any;
    private int _tries;
    private UdpPunchState _reached;
    private string? _sendFailure;

    public UdpPunch(Socket socket, IPEndPoint mapped, UdpHoleOptions options, IProgress<PunchProgress>? progress)
    {
        (_socket, _mapped, _options, _progress) = (socket, mapped, options, progress);
        _clock = new InstantClock(options.TimeProvider);
        _any = new IPEndPoint(socket.AddressFamily == AddressFamily.InterNetworkV6 ? IPAddress.IPv6Any : IPAddress.Any, 0);
        var how = new UdpPunchOptions
        {
            Tries = options.Tries,
            Interval = options.Interval,
            Timeout = options.Limit,
            Cookie = options.Cookie,
            OpenerTimeToLive = options.OpenerTimeToLive,
        };
        _puncher = new UdpPuncher(how, _id, TransportAddress.FromEndPoint(mapped), OperatingSystemEntropy.Instance);
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    public async Task<Socket> RunAsync(CancellationToken cancellationToken)
    {
        await PunchClock.WaitForStartAsync(_options.StartAt, _options.TimeProvider, () => Report(PunchStep.Waiting, null), cancellationToken).ConfigureAwait(false);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<SocketReceiveFromResult>? peeking = null;
        try
        {
            _puncher.Start(_clock.Now);
            _puncher.HandleDeadline(_clock.Now); // the first try, whatever has come already
            Drain();
            while (!_puncher.IsOver)
            {
                peeking ??= PeekAsync(ending.Token);
                if (await WaitAsync(peeking, ending.Token).ConfigureAwait(false))
                {
                    TakeOrLeave(peeking);
                    peeking = null;
                }

                // Behind what has come: who wakes late must not repeat what was answered long ago, nor give it up.
                _puncher.HandleDeadline(_clock.Now);
                Drain();
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            if (peeking is not null) await ((Task)peeking).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        return _puncher.State == UdpPunchState.Connected ? Connect() : throw Failure();
    }

    private Task<SocketReceiveFromResult> PeekAsync(CancellationToken cancellationToken) => _socket.ReceiveFromAsync(_buffer, SocketFlags.Peek, _any, cancellationToken).AsTask();

    /// <summary>Waits for a datagram, or for the machine's deadline.</summary>
    /// <returns>Whether there is a datagram.</returns>
    private async Task<bool> WaitAsync(Task peeking, CancellationToken cancellationToken)
    {
        var wait = _puncher.NextDeadline is { } due ? due - _clock.Now : Timeout.InfiniteTimeSpan;
        if (wait > TimeSpan.Zero)
        {
            await peeking.WaitAsync(wait, _options.TimeProvider, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            cancellationToken.ThrowIfCancellationRequested();
        }

        return peeking.IsCompleted;
    }

    private void TakeOrLeave(Task<SocketReceiveFromResult> peeked)
    {
        if (!peeked.IsCompletedSuccessfully)
        {
            // Windows reports the ICMP answer to an earlier packet this way: the other side's NAT, or host, is not ready yet.
            if (peeked.Exception?.InnerException is not SocketException) peeked.GetAwaiter().GetResult();
            return;
        }

        var (length, remote) = (peeked.Result.ReceivedBytes, TransportAddress.FromEndPoint((IPEndPoint)peeked.Result.RemoteEndPoint));
        bool isPunch = UdpPuncher.IsPunch(_buffer.AsSpan(0, length));
        var datagram = new ReceivedDatagram(_id, remote, 0, length);
        _puncher.HandleDatagrams(_clock.Now, new DatagramBatch(_buffer, new ReadOnlySpan<ReceivedDatagram>(in datagram)));
        if (isPunch || remote != _puncher.Chosen) TakeOne();
    }

    private void Drain()
    {
        while (true)
        {
            var writer = new DatagramBatchWriter(_output);
            if (!_puncher.TryWrite(_clock.Now, ref writer)) break;
            Send(writer.Written, writer.Remote.ToEndPoint());
        }

        while (_puncher.TryTakeEvent(out var happened)) Tell(happened);
    }

    private void Send(ReadOnlySpan<byte> message, IPEndPoint destination)
    {
        try
        {
            if (_puncher.TimeToLive is { } hops) SendOpener(message, destination, (short)hops);
            else _socket.SendTo(message, SocketFlags.None, destination);
            _sendFailure = null;
        }
        catch (SocketException exception)
        {
            _sendFailure = SocketFailures.Describe(exception); // a network may come back; if not, the failure says so
        }
    }

    private void SendOpener(ReadOnlySpan<byte> message, IPEndPoint destination, short hops)
    {
        short usual = _socket.Ttl;
        _socket.Ttl = hops;
        try
        {
            _socket.SendTo(message, SocketFlags.None, destination);
        }
        finally
        {
            _socket.Ttl = usual;
        }
    }

    private void Tell(UdpPunchEvent happened)
    {
        switch (happened)
        {
            case UdpPunchEvent.Tried tried:
                _tries = tried.Number;
                Report(PunchStep.Opening, _mapped);
                break;
            case UdpPunchEvent.Heard heard:
                Report(PunchStep.Answering, heard.Remote.ToEndPoint());
                break;
            case UdpPunchEvent.Answered answered:
                Report(PunchStep.Agreeing, answered.Remote.ToEndPoint());
                break;
            case UdpPunchEvent.Connected connected:
                Report(PunchStep.Connected, connected.Remote.ToEndPoint());
                break;
            case UdpPunchEvent.Failed failed:
                _reached = failed.Reached;
                break;
        }
    }

    /// <summary>Connects the socket, and takes what the punch, or a stranger, has left in its queue. Data of the peer stays.</summary>
    private Socket Connect()
    {
        var chosen = _puncher.Chosen!.Value;
        _socket.Connect(chosen.ToEndPoint());
        while (_socket.Poll(0, SelectMode.SelectRead))
        {
            EndPoint from = _any;
            int length = _socket.ReceiveFrom(_buffer, SocketFlags.Peek, ref from);
            if (TransportAddress.FromEndPoint((IPEndPoint)from) == chosen && !UdpPuncher.IsPunch(_buffer.AsSpan(0, length))) break;
            TakeOne();
        }

        return _socket;
    }

    private void TakeOne()
    {
        EndPoint from = _any;
        if (_socket.Poll(0, SelectMode.SelectRead)) _socket.ReceiveFrom(_buffer, ref from);
    }

    private PunchException Failure()
    {
        string sending = _sendFailure is null ? "" : $" Sending failed at the end: {_sendFailure}.";
        string seconds = _options.Limit.TotalSeconds.ToString("0.#", CultureInfo.InvariantCulture);
        return _reached switch
        {
            UdpPunchState.Probing => new PunchException(
                PunchStep.Opening,
                string.Create(CultureInfo.InvariantCulture, $"Nothing came from {_mapped.Address} by UDP within {seconds} s and {_tries} tries.{sending} Is the address the newest one, does the other side punch at the same time with the same cookie, and are not both NATs symmetric?")),
            UdpPunchState.Heard => new PunchException(
                PunchStep.Answering,
                $"{_mapped.Address} is heard, but does not hear this side: its NAT or firewall lets nothing in from here.{sending} One NAT gives every destination another port, and the other filters by port: such a pair needs a relay."),
            _ => new PunchException(PunchStep.Agreeing, $"Both directions worked with {_mapped.Address}, but no agreement came within {seconds} s: the way broke, or the other side gave up.{sending} Try again."),
        };
    }

    private void Report(PunchStep step, IPEndPoint? remote) => _progress?.Report(new PunchProgress(step, _tries, remote, _clock.Now - Instant.Zero));
}
