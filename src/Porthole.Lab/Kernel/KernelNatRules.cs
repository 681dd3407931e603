using System.Net;

namespace Porthole.Lab.Kernel;

/// <summary>
/// The nftables script of a router. Linux's own masquerading filters by address and port, because an answer must match the tracked
/// flow. The more lenient kinds add a table of mappings, filled by outgoing packets, from which incoming ones are let through.
/// </summary>
internal static class KernelNatRules
{
    /// <summary>The interface toward the public segment or the carrier.</summary>
    public const string Wan = "w0";

    /// <summary>The bridge of the local network.</summary>
    public const string Lan = "lan";

    /// <summary>How long a mapping of the cone kinds lives after its last outgoing packet: the least RFC 4787 REQ-5 allows.</summary>
    public static readonly TimeSpan ConeLifetime = TimeSpan.FromMinutes(2);

    public static string Build(KernelNatKind kind, IPAddress wan, bool hairpin) =>
        Filter(dropUnsolicited: kind != KernelNatKind.Poisonable) + kind switch
        {
            KernelNatKind.FullCone => Cone("udp dport @mapped", "", wan, hairpin),
            KernelNatKind.Restricted => Cone("udp dport . ip saddr @contacted", "update @contacted { udp sport . ip daddr }", wan, hairpin),
            KernelNatKind.PortRestricted or KernelNatKind.Poisonable => Masquerade(""),
            KernelNatKind.Symmetric => Masquerade("fully-random"),
            KernelNatKind.Firewall => "",
        };

    // Also the whole of the IPv6 side, for every kind. A packet dropped at `input` leaves no tracked flow behind, because a flow
    // is only confirmed after that hook; where `input` accepts, the peer's early packet becomes a flow of the router itself.
    private static string Filter(bool dropUnsolicited) =>
        $$"""
        table inet filter {
          chain forward {
            type filter hook forward priority filter
            policy drop
            ct state established,related accept
            ct status dnat accept
            iifname "{{Lan}}" accept
          }
          chain input {
            type filter hook input priority filter
            policy {{(dropUnsolicited ? "drop" : "accept")}}
            ct state established,related accept
            iifname "lo" accept
            meta l4proto { icmp, icmpv6 } accept
          }
        }

        """;

    private static string Masquerade(string ports) =>
        $$"""
        table ip nat {
          chain postrouting {
            type nat hook postrouting priority srcnat
            oifname "{{Wan}}" masquerade {{ports}}
          }
        }
        """;

    // `owner` says which inside socket holds an external port. It is written behind the translation (priority 300), where the
    // source port is the external one and the tracked flow still knows the inside.
    private static string Cone(string admitted, string remember, IPAddress wan, bool hairpin)
    {
        string lifetime = $"{ConeLifetime.TotalSeconds}s";
        string hairpinIn = hairpin ? $"iifname \"{Lan}\" ip daddr {wan} {admitted} dnat ip to udp dport map @owner" : "";
        string hairpinOut = hairpin ? $"iifname \"{Lan}\" oifname \"{Lan}\" ct status dnat snat to {wan}" : "";
        string outgoing = hairpin ? $"oifname {{ \"{Wan}\", \"{Lan}\" }} ip saddr {wan}" : $"oifname \"{Wan}\"";
        return $$"""
        table ip nat {
          map owner {
            type inet_service : ipv4_addr . inet_service
            flags dynamic,timeout
            timeout {{lifetime}}
            size 65535
          }
          set mapped {
            type inet_service
            flags dynamic,timeout
            timeout {{lifetime}}
            size 65535
          }
          set contacted {
            type inet_service . ipv4_addr
            flags dynamic,timeout
            timeout {{lifetime}}
            size 65535
          }
          chain prerouting {
            type nat hook prerouting priority dstnat
            iifname "{{Wan}}" {{admitted}} dnat ip to udp dport map @owner
            {{hairpinIn}}
          }
          chain postrouting {
            type nat hook postrouting priority srcnat
            {{hairpinOut}}
            oifname "{{Wan}}" masquerade
          }
          chain remember {
            type filter hook postrouting priority 300
            {{outgoing}} ct direction original update @owner { udp sport : ct original ip saddr . ct original proto-src }
            {{outgoing}} ct direction reply update @owner { udp sport : ct reply ip saddr . ct reply proto-src }
            {{outgoing}} update @mapped { udp sport }
            {{(remember.Length > 0 ? outgoing + " " + remember : "")}}
          }
        }
        """;
    }
}
