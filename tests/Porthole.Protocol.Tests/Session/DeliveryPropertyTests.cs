using Porthole.Protocol.Session;

namespace Porthole.Protocol.Tests.Session;

/// <summary>Whatever the network does, every stream byte arrives exactly once and in order, both ways. PORTHOLE_FULL=1 runs all seeds.</summary>
public sealed class DeliveryPropertyTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, Environment.GetEnvironmentVariable("PORTHOLE_FULL") == "1" ? 500 : 50)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_stream_byte_arrives_once_whatever_is_lost_reordered_cut_or_moved(int seed) => Run(seed);

    [Fact]
    public void The_schedules_really_lose_move_and_cut()
    {
        var labs = Enumerable.Range(501, 20).Select(Run).ToList();
        Assert.True(labs.Sum(lab => lab.Alice.Session.Statistics.PacketsLost) > 500);
        Assert.True(labs.Sum(lab => lab.Alice.Session.Statistics.Moves) > 30);
        Assert.True(labs.Sum(lab => lab.Alice.Seen<SessionEvent.PathSuspect>().Count()) > 4);
        Assert.True(labs.Sum(lab => lab.Alice.Seen<SessionEvent.PathRecovered>().Count()) > 2);
        Assert.True(labs.Sum(lab => lab.Alice.Session.Statistics.StreamBytesResent) > 1_000_000);
    }

    private static SessionLab Run(int seed)
    {
        var random = new Random(seed);
        var lab = new SessionLab(seed);
        var relay = lab.AddRelay();
        relay.Both(link => link.Delay = TimeSpan.FromMilliseconds(random.Next(5, 60)));
        relay.Both(link => link.Loss = random.Next(3) == 0 ? 0.02 : 0);
        relay.Both(link => (link.Rate, link.QueueLimit) = (random.Next(200_000, 1_000_000), 64_000)); // the server drops when a queue is full
        var direct = Enumerable.Range(0, random.Next(1, 3)).Select(_ => lab.AddUdp()).ToArray();
        foreach (var path in direct)
        {
            path.Both(link =>
            {
                link.Delay = TimeSpan.FromMilliseconds(random.Next(1, 80));
                link.Jitter = TimeSpan.FromMilliseconds(random.Next(3) == 0 ? random.Next(1, 50) : 0);
                link.Loss = random.Next(2) == 0 ? random.NextDouble() * 0.1 : 0;
                link.MaxPacket = random.Next(3) switch { 0 => 1_120, 1 => 1_170, _ => int.MaxValue };
                (link.Rate, link.QueueLimit) = (random.Next(200_000, 2_000_000), random.Next(20_000, 200_000));
            });
        }

        lab.ReadEverything();
        lab.FollowPolicy(() => relay);
        int streams = random.Next(1, 6);
        for (int i = 0; i < streams; i++)
        {
            lab.Alice.Send(lab.Now, random.Next(0, 1_500_000));
            if (i % 2 == 0) lab.Bob.Send(lab.Now, random.Next(0, 1_500_000));
        }

        foreach (var path in direct)
        {
            lab.Alice.Session.Validate(lab.Now, path.AtAlice);
            lab.Bob.Session.Validate(lab.Now, path.AtBob);
        }

        for (int i = 0; i < 40; i++)
        {
            lab.RunFor(random.Next(1, 400));
            var path = direct[random.Next(direct.Length)];
            switch (random.Next(10))
            {
                case 0:
                    lab.Alice.Session.Validate(lab.Now, path.AtAlice);
                    lab.Bob.Session.Validate(lab.Now, path.AtBob);
                    break;
                case 1 when SessionLab.IsValidated(lab.Alice, path.AtAlice):
                    lab.Alice.Session.SetActive(lab.Now, path.AtAlice);
                    break;
                case 2 when SessionLab.IsValidated(lab.Bob, path.AtBob):
                    lab.Bob.Session.SetActive(lab.Now, path.AtBob);
                    break;
                case 3:
                    lab.Alice.Session.SetActive(lab.Now, relay.AtAlice);
                    break;
                case 4:
                    lab.Bob.Session.SetActive(lab.Now, relay.AtBob);
                    break;
                case 5 or 8 or 9:
                    path.Both(link => link.IsCut = !link.IsCut);
                    break;
                case 6 when random.Next(3) == 0: // the main connection is lost and the relay opened anew
                    relay.Both(link => link.IsCut = true);
                    lab.Alice.Session.RemovePath(lab.Now, relay.AtAlice);
                    lab.Bob.Session.RemovePath(lab.Now, relay.AtBob);
                    lab.RunFor(random.Next(1, 500));
                    relay = lab.AddRelay();
                    break;
                case 7:
                    lab.Alice.Session.Duplicate(lab.Now, random.Next(2) == 0 ? relay.AtAlice : null);
                    break;
            }

            lab.Drain();
        }

        foreach (var path in direct) path.Both(link => link.IsCut = false);
        lab.RunUntil(() => IsDelivered(lab.Alice, lab.Bob, streams) && IsDelivered(lab.Bob, lab.Alice, (streams + 1) / 2), 120_000);
        return lab;
    }

    private static bool IsDelivered(LabEnd from, LabEnd to, int streams) =>
        to.Sinks.Count == streams && to.Sinks.All(sink => sink.IsDone) && from.Sources.All(source => source.Stream.TryClaimActivity() is false);
}
