namespace Porthole.Protocol.Tests.Session;

/// <summary>Whatever the network does, every stream byte arrives exactly once and in order, both ways.</summary>
public sealed class DeliveryPropertyTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 40)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Every_stream_byte_arrives_once_whatever_is_lost_reordered_cut_or_moved(int seed)
    {
        var random = new Random(seed);
        var lab = new SessionLab(seed);
        var relay = lab.AddRelay();
        relay.Both(link => link.Delay = TimeSpan.FromMilliseconds(random.Next(5, 60)));
        relay.Both(link => link.Loss = random.Next(3) == 0 ? 0.02 : 0); // the server drops when a queue is full
        var direct = Enumerable.Range(0, random.Next(1, 3)).Select(_ => lab.AddUdp()).ToArray();
        foreach (var path in direct)
        {
            path.Both(link =>
            {
                link.Delay = TimeSpan.FromMilliseconds(random.Next(1, 80));
                link.Jitter = TimeSpan.FromMilliseconds(random.Next(3) == 0 ? random.Next(1, 50) : 0);
                link.Loss = random.Next(2) == 0 ? random.NextDouble() * 0.1 : 0;
                link.MaxPacket = random.Next(3) switch { 0 => 1_120, 1 => 1_170, _ => int.MaxValue };
                if (random.Next(2) == 0) (link.Rate, link.QueueLimit) = (random.Next(200_000, 2_000_000), random.Next(20_000, 200_000));
            });
        }

        lab.ReadEverything();
        lab.FollowPolicy();
        int streams = random.Next(1, 6);
        for (int i = 0; i < streams; i++)
        {
            lab.Alice.Send(lab.Now, random.Next(0, 1_500_000));
            if (i % 2 == 0) lab.Bob.Send(lab.Now, random.Next(0, 1_500_000));
        }

        for (int i = 0; i < 30; i++)
        {
            lab.RunFor(random.Next(1, 150));
            var path = direct[random.Next(direct.Length)];
            switch (random.Next(6))
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
                case 5:
                    path.Both(link => link.IsCut = !link.IsCut);
                    break;
            }

            lab.Drain();
        }

        foreach (var path in direct) path.Both(link => link.IsCut = false);
        lab.RunUntil(() => IsDelivered(lab.Alice, lab.Bob, streams) && IsDelivered(lab.Bob, lab.Alice, (streams + 1) / 2), 120_000);
    }

    private static bool IsDelivered(LabEnd from, LabEnd to, int streams) =>
        to.Sinks.Count == streams && to.Sinks.All(sink => sink.IsDone) && from.Sources.All(source => source.Stream.TryClaimActivity() is false);
}
