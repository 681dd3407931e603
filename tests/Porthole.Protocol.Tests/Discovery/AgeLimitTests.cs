using Porthole.Protocol.Discovery;

namespace Porthole.Protocol.Tests.Discovery;

public sealed class AgeLimitTests
{
    [Fact]
    public void Two_ends_at_about_the_same_age_are_a_habit_and_one_is_not()
    {
        var ages = new AgeLimit();
        ages.HandleEnd(Seconds(590), Seconds(620));
        Assert.Null(ages.Age);
        ages.HandleEnd(Seconds(580), Seconds(605));
        Assert.Equal(Seconds(590), ages.Age);
        ages.HandleEnd(Seconds(595), Seconds(640));
        Assert.Equal(Seconds(595), ages.Age);
    }

    [Fact]
    public void Ends_at_different_ages_are_none()
    {
        var ages = new AgeLimit();
        for (int i = 1; i < 20; i++) ages.HandleEnd(Seconds(i * 200), Seconds(i * 200 + 30));
        Assert.Null(ages.Age);
    }

    [Fact]
    public void Mappings_that_change_all_the_time_are_left_alone()
    {
        var ages = new AgeLimit();
        for (int i = 0; i < 20; i++) ages.HandleEnd(Seconds(20), AgeLimit.Shortest - TimeSpan.FromTicks(1));
        Assert.Null(ages.Age);
        for (int i = 0; i < 2; i++) ages.HandleEnd(Seconds(20), AgeLimit.Shortest);
        Assert.Equal(AgeLimit.Shortest, ages.Age);
    }

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);
}
