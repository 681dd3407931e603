using FsCheck;
using FsCheck.Fluent;
using Porthole.Protocol.Noise;
using Porthole.Protocol.Rendezvous;
using Porthole.Protocol.Tests.Noise;

namespace Porthole.Protocol.Tests.Rendezvous;

public sealed class NameTests
{
    private static readonly DateTimeOffset s_start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly PeerId s_alice = Peer(1);
    private static readonly PeerId s_bob = Peer(2);

    [Theory]
    [InlineData("bob", true)]
    [InlineData("Bob-2_x.y", true)]
    [InlineData("7", true)]
    [InlineData("", false)]
    [InlineData("-bob", false)]
    [InlineData("bob@home", false)]
    [InlineData("b ob", false)]
    [InlineData("bób", false)]
    [InlineData("bob\n", false)]
    [InlineData("abcdefghijklmnopqrstuvwxyz012345", true)]
    [InlineData("abcdefghijklmnopqrstuvwxyz0123456", false)]
    public void A_name_is_short_and_plain(string name, bool isValid) => Assert.Equal(isValid, PeerName.IsValid(name));

    [Fact]
    public void The_first_key_to_take_a_name_keeps_it_in_any_case()
    {
        var names = new NameRegistry();
        Assert.Null(names.Take("Bob", s_bob, s_start, isInUse: false, out var record));
        Assert.Equal(new NameRecord("bob", s_bob, s_start), record);
        Assert.Equal(RendezvousError.NameTaken, names.Take("BOB", s_alice, s_start, isInUse: false, out record));
        Assert.Null(record);
        Assert.Null(names.Take("bob", s_bob, s_start, isInUse: false, out _));
        Assert.True(names.TryFind("bOb", out var holder));
        Assert.Equal(s_bob, holder);
    }

    [Fact]
    public void A_name_expires_after_90_days_without_use_and_not_before()
    {
        var names = new NameRegistry();
        names.Take("bob", s_bob, s_start, isInUse: false, out _);
        var edge = s_start + TimeSpan.FromDays(90);
        Assert.Equal(RendezvousError.NameTaken, names.Take("bob", s_alice, edge - TimeSpan.FromSeconds(1), isInUse: false, out _));
        Assert.Equal(RendezvousError.NameTaken, names.Take("bob", s_alice, edge, isInUse: true, out _)); // online for so long
        Assert.Null(names.Take("bob", s_alice, edge, isInUse: false, out var record));
        Assert.Equal(s_alice, record!.Peer);
        Assert.False(names.Knows(s_bob));
    }

    [Fact]
    public void Use_is_written_down_once_a_day()
    {
        var names = new NameRegistry();
        names.Take("bob", s_bob, s_start, isInUse: false, out _);
        Assert.Null(names.Take("bob", s_bob, s_start + TimeSpan.FromHours(23), isInUse: false, out var record));
        Assert.Null(record);
        Assert.True(names.TryTouch("bob", s_start + TimeSpan.FromHours(24), out record));
        Assert.Equal(s_start + TimeSpan.FromHours(24), record.LastUsed);
        Assert.Equal(RendezvousError.NameTaken, names.Take("bob", s_alice, s_start + TimeSpan.FromDays(90), isInUse: false, out _));
    }

    [Fact]
    public void A_key_holds_at_most_eight_names_and_the_registry_at_most_its_limit()
    {
        var names = new NameRegistry(namesPerPeer: 8, maxNames: 10);
        for (int i = 0; i < 8; i++) Assert.Null(names.Take($"a{i}", s_alice, s_start, isInUse: false, out _));
        Assert.Equal(RendezvousError.TooManyNames, names.Take("a8", s_alice, s_start, isInUse: false, out _));
        Assert.Null(names.Take("b0", s_bob, s_start, isInUse: false, out _));
        Assert.Null(names.Take("b1", s_bob, s_start, isInUse: false, out _));
        Assert.Equal(RendezvousError.TooManyNames, names.Take("b2", s_bob, s_start, isInUse: false, out _));
        Assert.Equal(10, names.Count);
    }

    [Fact]
    public void What_was_written_is_read_again() => Prop.ForAll(
        (from name in Gen.Elements("bob", "a", "x-1_2.z")
         from seed in Gen.Choose(1, 50)
         from seconds in Gen.Choose(0, int.MaxValue)
         select (name, seed, seconds)).ToArbitrary(),
        entry =>
        {
            var record = new NameRecord(entry.name, Peer((ulong)entry.seed), DateTimeOffset.FromUnixTimeSeconds(entry.seconds));
            return NameRecord.TryParse(record.ToLine(), out var same) && same == record;
        }).QuickCheckThrowOnFailure();

    [Fact]
    public void A_line_cut_short_is_no_record()
    {
        string line = new NameRecord("bob", s_bob, s_start).ToLine();
        int secondsStart = line.LastIndexOf(' ') + 1;
        for (int length = 0; length <= secondsStart; length++) Assert.False(NameRecord.TryParse(line[..length], out _));
        Assert.False(NameRecord.TryParse(line + " more", out _));
        Assert.False(NameRecord.TryParse("b@b " + line, out _));
    }

    [Fact]
    public void Names_survive_a_restart_of_the_server()
    {
        var world = new RendezvousWorld();
        var bob = world.AddRegistered("bob");
        var lines = world.ServerEvents.OfType<RendezvousServerEvent.NameChanged>().Select(changed => changed.Record.ToLine()).ToArray();
        world.KillServer();
        bob.Machine.Stop(world.Now);
        world.StartServer(lines.Select(line => NameRecord.TryParse(line, out var record) ? record : throw new FormatException(line)));

        var mallory = world.Add();
        mallory.Machine.Register(world.Now, new Registration { Name = "bob" });
        mallory.Machine.Start(world.Now);
        world.Run(TimeSpan.FromSeconds(1));

        var refused = Assert.Single(mallory.Events<RendezvousEvent.Refused>());
        Assert.Equal((RendezvousError.NameTaken, null), (refused.Error, refused.Session));
        Assert.False(mallory.Machine.IsRegistered);
        Assert.True(mallory.Machine.IsOnline); // it may choose another
        mallory.Do((machine, now) => machine.Register(now, new Registration { Name = "mallory" }));
        world.Run(TimeSpan.FromSeconds(1));
        Assert.Equal("mallory", Assert.Single(mallory.Events<RendezvousEvent.Registered>()).Name);
    }

    private static PeerId Peer(ulong seed) => IdentityKey.Generate(new TestEntropy(seed)).PeerId;
}
