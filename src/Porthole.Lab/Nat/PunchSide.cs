namespace Porthole.Lab.Nat;

/// <summary>What matters of a NAT to a punch.</summary>
/// <param name="Mapping">When ports are reused.</param>
/// <param name="Filtering">Who is let in.</param>
/// <param name="Scope">Where filter state is kept.</param>
/// <param name="Answers">How answers to admitted packets leave.</param>
public readonly record struct PunchSide(
    NatMapping Mapping, NatFiltering Filtering, FilterScope Scope = FilterScope.PerMapping, AnswerRoute Answers = AnswerRoute.SameSession)
{
    /// <summary>The nine behaviours of the grid, under one state model.</summary>
    public static IReadOnlyList<PunchSide> All(FilterScope scope, AnswerRoute answers) =>
    [
        .. from mapping in Enum.GetValues<NatMapping>()
           from filtering in Enum.GetValues<NatFiltering>()
           select new PunchSide(mapping, filtering, scope, answers),
    ];

    /// <summary>A NAT that behaves so.</summary>
    public NatProfile ToProfile() => NatProfile.Of(Mapping, Filtering) with { FilterScope = Scope, Answers = Answers };

    /// <summary>Mapping and filtering in short: <c>E/APDF</c>.</summary>
    public override string ToString() => NatProfile.Of(Mapping, Filtering).Name;
}
