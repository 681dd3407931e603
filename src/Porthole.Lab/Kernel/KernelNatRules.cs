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

    /// <summary>The device of a forwarder in user space.</summary>
    public const string Tun = "tun0";

    /// <summary>How long a mapping of the cone kinds lives after its last outgoing packet: the least RFC 4787 REQ-5 allows.</summary>
    public static readonly TimeSpan ConeLifetime = TimeSpan.FromMinutes(2);

    public static string Build(KernelNatKind kind, IPAddress wan, string lan, bool hairpin) =>
        Filter(dropUnsolicited: kind != KernelNatKind.Poisonable) + kind switch
        {
            KernelNatKind.FullCone => Cone("udp dport @mapped", "", wan, hairpin ? lan : null),
            KernelNatKind.Restricted => Cone("udp dport . ip saddr @contacted", "update @contacted { udp sport . ip daddr }", wan, null),
            KernelNatKind.PortRestricted or KernelNatKind.Poisonable => Masquerade(""),
            KernelNatKind.Symmetric => Masquerade("fully-random"),
            KernelNatKind.Firewall => "",
        };

    /// <summary>The script of a router that leaves UDP to a model on its <see cref="Tun"/> device and translates the rest itself.</summary>
    public static string BuildForModel(IPAddress wan) => Filter(dropUnsolicited: true) +
        $$"""
        table inet filter {
          chain forward {
            iifname "{{Tun}}" accept
            oifname "{{Tun}}" accept
          }
        }
        table ip nat {
          chain untracked {
            type filter hook prerouting priority raw
            meta l4proto udp notrack
          }
          chain postrouting {
            type nat hook postrouting priority srcnat
            oifname "{{Wan}}" meta l4proto != udp snat to {{wan}}
          }
        }
        """;

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

    // `owner` says which inside socket holds an external port, `assigned` the reverse. Both are written behind the translation
    // (priority 300), where the source port is the external one and the tracked flow still knows the inside. A port that another
    // inside socket holds is not given out again: then chance chooses.
    private static string Cone(string admitted, string remember, IPAddress wan, string? hairpinFor)
    {
        string lifetime = $"{ConeLifetime.TotalSeconds}s";
        bool hairpin = hairpinFor is not null;
        string leaving = hairpin ? $"oifname {{ \"{Wan}\", \"{Lan}\" }}" : $"oifname \"{Wan}\"";
        string hairpinIn = hairpin ? $"iifname \"{Lan}\" ip daddr {wan} {admitted} dnat ip to udp dport map @owner" : "";
        // Where a packet came from is no longer known behind the routing decision, hence the source address.
        string turned = $"oifname \"{Lan}\" ip saddr {hairpinFor}";
        string hairpinOut = hairpin ? $"{turned} snat ip to ip saddr . udp sport map @assigned\n    {turned} snat to {wan}" : "";
        return $$"""
        table ip nat {
          map owner {
            type inet_service : ipv4_addr . inet_service
            flags dynamic,timeout
            timeout {{lifetime}}
            size 65535
          }
          map assigned {
            type ipv4_addr . inet_service : ipv4_addr . inet_service
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
            oifname "{{Wan}}" snat ip to ip saddr . udp sport map @assigned
            {{hairpinOut}}
            oifname "{{Wan}}" udp sport @mapped masquerade to :1024-65535 random
            oifname "{{Wan}}" masquerade
          }
          chain remember {
            type filter hook postrouting priority 300
            {{leaving}} ip saddr {{wan}} meta l4proto udp ct direction original update @owner { udp sport : ct original ip saddr . ct original proto-src }
            {{leaving}} ip saddr {{wan}} meta l4proto udp ct direction original update @assigned { ct original ip saddr . ct original proto-src : ip saddr . udp sport }
            {{leaving}} ip saddr {{wan}} meta l4proto udp ct direction reply update @owner { udp sport : ct reply ip saddr . ct reply proto-src }
            {{leaving}} ip saddr {{wan}} meta l4proto udp ct direction reply update @assigned { ct reply ip saddr . ct reply proto-src : ip saddr . udp sport }
            {{leaving}} ip saddr {{wan}} meta l4proto udp update @mapped { udp sport }
            {{(remember.Length > 0 ? $"{leaving} ip saddr {wan} meta l4proto udp {remember}" : "")}}
          }
        }
        """;
    }
}
