using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli;

/// <summary>The words of a verdict as JSON has them, and the lines of one for a person.</summary>
internal static class VerdictWords
{
    extension(PathVerdict verdict)
    {
        /// <summary>Whether it says something else than another: numbers that have grown are no news.</summary>
        public bool IsNewsAfter(PathVerdict? other) => verdict.Reason != VerdictReason.Pending && (verdict.Reason, verdict.Method) != (other?.Reason, other?.Method);

        /// <summary>The sentence, and behind it what could be changed.</summary>
        public string InFull => verdict.Advice.Length == 0 ? verdict.Sentence : $"{verdict.Sentence} {verdict.Advice}";
    }

    extension(VerdictBlame blame)
    {
        /// <summary>The short form.</summary>
        public string Code => blame switch
        {
            VerdictBlame.Nobody => "nobody",
            VerdictBlame.Here => "here",
            VerdictBlame.There => "there",
            VerdictBlame.Both => "both",
        };
    }

    extension(AttemptOutcome outcome)
    {
        /// <summary>The short form.</summary>
        public string Code => outcome switch
        {
            AttemptOutcome.Running => "running",
            AttemptOutcome.Succeeded => "succeeded",
            AttemptOutcome.Unanswered => "unanswered",
            AttemptOutcome.Refused => "refused",
            AttemptOutcome.BudgetSpent => "budget-spent",
            AttemptOutcome.Superseded => "superseded",
        };
    }

    extension(NatMappingFact mapping)
    {
        /// <summary>The short form, as <c>check</c> has it.</summary>
        public string Code => mapping switch
        {
            NatMappingFact.Unknown => "unknown",
            NatMappingFact.EndpointIndependent => "EIM",
            NatMappingFact.AddressDependent => "ADM",
            NatMappingFact.AddressAndPortDependent => "APDM",
            NatMappingFact.EndpointOrAddressDependent => "EIM-or-ADM",
            NatMappingFact.Blocked => "blocked",
        };
    }

    extension(NatFilteringFact filtering)
    {
        /// <summary>The short form, as <c>check</c> has it.</summary>
        public string Code => filtering switch
        {
            NatFilteringFact.Unknown => "unknown",
            NatFilteringFact.EndpointIndependent => "EIF",
            NatFilteringFact.AddressDependent => "ADF",
            NatFilteringFact.AddressAndPortDependent => "APDF",
        };
    }

    extension(NatAllocationFact allocation)
    {
        /// <summary>The short form, as <c>check</c> has it.</summary>
        public string Code => allocation switch
        {
            NatAllocationFact.Unknown => "unknown",
            NatAllocationFact.Preserve => "preserve",
            NatAllocationFact.Sequential => "sequential",
            NatAllocationFact.Random => "random",
        };
    }
}
