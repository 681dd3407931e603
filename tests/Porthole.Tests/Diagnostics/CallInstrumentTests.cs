using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Porthole.Diagnostics;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Tests.Diagnostics;

/// <summary>What a call leaves for those who measure and trace: one activity, how long it took, why it failed, how many connections are open. Alone, for instruments belong to the process.</summary>
[Collection<Alone>]
public sealed class CallInstrumentTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_call_is_an_activity_and_a_duration_and_a_failed_one_says_why()
    {
        var activities = new ConcurrentQueue<Activity>();
        using var activityListener = new ActivityListener
        {
            ShouldListenTo = static source => source.Name == PeerActivity.SourceName,
            Sample = static (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activities.Enqueue,
        };
        ActivitySource.AddActivityListener(activityListener);
        var measured = new ConcurrentQueue<string>();
        long open = 0;
        using var listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Meter.Name == PeerMetrics.MeterName) listener.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            if (instrument.Name == "porthole.connections.active") Interlocked.Add(ref open, value);
            if (instrument.Name == "porthole.connect.failures") measured.Enqueue($"failure {tags[0].Key}={tags[0].Value}");
        });
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) =>
        {
            if (instrument.Name == "porthole.connect.duration" && value is > 0 and < 60) measured.Enqueue("duration");
            if (instrument.Name == "porthole.direct.duration" && value is > 0 and < 60) measured.Enqueue("direct");
        });
        listener.Start();

        await using (var peers = await LoopbackPeers.StartAsync())
        {
            await peers.StartAsync("bob", AcceptPolicy.Anyone);
            var alice = await peers.StartAsync("alice");
            Assert.Equal(PeerError.UnknownPeer, (await Assert.ThrowsAsync<PeerException>(() => alice.ConnectAsync("nobody", Token))).Error);
            await using var connection = await alice.ConnectAsync("bob", Token);
            await connection.WaitForDirectAsync(LoopbackPeers.Patience, Token);
            Assert.InRange(Interlocked.Read(ref open), 1, 2); // hers, and his when he has seen it
        }

        Assert.Equal(0, Interlocked.Read(ref open));
        Assert.Equal(["direct", "duration", "failure porthole.error=UnknownPeer"], measured.Distinct().Order(StringComparer.Ordinal)); // both of them tell of the direct path
        Assert.Equal([(ActivityStatusCode.Error, false), (ActivityStatusCode.Ok, true)], activities.Select(static one => (one.Status, one.GetTagItem("porthole.path") is string)));
        Assert.All(activities, static one => Assert.Equal(("porthole.connect", ActivityKind.Client), (one.OperationName, one.Kind)));
    }
}
