using Porthole.Protocol;
using Porthole.Protocol.Peer;
using Porthole.Protocol.Rendezvous;

namespace Porthole.Cli.Check;

/// <summary>Methods, what came of them, and what sides tell of their NATs, in words for people.</summary>
internal static class MethodWords
{
    extension(PunchMethod method)
    {
        /// <summary>The method in a few words.</summary>
        public string InWords => method switch
        {
            PunchMethod.Plain => "plain checks",
            PunchMethod.Silent => "waiting for the peer's check",
            PunchMethod.Opener => "fresh sockets in strict order",
            PunchMethod.FreshSocket => "a fresh port that the NAT keeps",
            PunchMethod.Predict => "guessing the next ports",
            PunchMethod.Cross => "scans that meet",
            PunchMethod.Spray => "a spray of many ports",
            PunchMethod.Tcp => "TCP",
            PunchMethod.TcpPredict => "TCP, guessing the next ports",
            PunchMethod.TcpSpray => "TCP, a spray of many ports",
            PunchMethod.Relay => "the relay",
        };
    }

    extension(AttemptOutcome outcome)
    {
        /// <summary>The outcome in a few words.</summary>
        public string InWords => outcome switch
        {
            AttemptOutcome.Running => "begins",
            AttemptOutcome.Succeeded => "a path",
            AttemptOutcome.Unanswered => "no answer",
            AttemptOutcome.Refused => "refused",
            AttemptOutcome.BudgetSpent => "the budget is spent",
            AttemptOutcome.Superseded => "not needed",
        };
    }

    extension(NatFacts facts)
    {
        /// <summary>The facts in one line.</summary>
        public string InWords
        {
            get
            {
                string udp = facts.RelayOnly ? "wants the relay only"
                    : facts.TcpOnly ? "wants TCP only"
                    : facts.Mapping == NatMappingFact.Blocked ? "UDP is blocked"
                    : $"UDP: mapping {facts.Mapping.Code}, ports {facts.Allocation.Code}, filtering {facts.Filtering.Code}{(facts.HasPortMapping ? ", a port mapped by the gateway" : "")}";
                return facts.Tcp is { } tcp && !facts.RelayOnly ? $"{udp}; TCP: mapping {tcp.Mapping.Code}, ports {tcp.Allocation.Code}" : udp;
            }
        }
    }
}
