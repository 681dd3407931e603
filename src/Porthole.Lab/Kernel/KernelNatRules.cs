using System.Net;
using Porthole.Lab.Nat;

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

    /// <summary>
    /// How long a mapping of the cone kinds lives after its last outgoing packet: the least RFC 4787 REQ-5 allows. A TCP connection lives on without it, by its
    /// tracked flow.
    /// </summary>
    public static readonly TimeSpan ConeLifetime = TimeSpan.FromMinutes(2);

    /// <summary>The table that <see cref="KernelSite.BlockUdp"/> adds.</summary>
    public const string UdpBlockTable = "inet udp_block";

    // Before the filters, so that not even the packets of established flows pass.
    public const string UdpBlock =
        $$"""
        table {{UdpBlockTable}} {
          chain forward {
            type filter hook forward priority filter - 10
            meta l4proto udp drop
          }
        }
        """;

    public static string Build(KernelNatKind kind, IPAddress wan, string lan, bool hairpin, UnsolicitedSyn answer) =>
        Filter(dropUnsolicited: kind != KernelNatKind.Poisonable, answer) + kind switch
        {
            KernelNatKind.FullCone => Cone("meta l4proto . th dport @mapped", "", wan, hairpin ? lan : null),
            KernelNatKind.Restricted => Cone(
                "meta l4proto . th dport . ip saddr @contacted", "update @contacted { meta l4proto . th sport . ip daddr }", wan, null),
            KernelNatKind.PortRestricted or KernelNatKind.Poisonable => Masquerade(""),
            KernelNatKind.Symmetric => Masquerade("fully-random"),
            KernelNatKind.Firewall => "",
        };

    /// <summary>The mark of packets that a model on the <see cref="Tun"/> device translates.</summary>
    public const int ModelMark = 1;

    /// <summary>
    /// The script of a router that leaves UDP, TCP and the errors about them to a model on its <see cref="Tun"/> device and translates the rest itself.
    /// </summary>
    public static string BuildForModel(IPAddress wan) => Filter(dropUnsolicited: true, UnsolicitedSyn.Drop) +
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
            meta l4proto { tcp, udp } notrack
            icmp type { destination-unreachable, time-exceeded, parameter-problem } notrack
            iifname "{{Lan}}" meta l4proto { tcp, udp } meta mark set {{ModelMark}}
            iifname "{{Lan}}" icmp type { destination-unreachable, time-exceeded, parameter-problem } meta mark set {{ModelMark}}
          }
          chain postrouting {
            type nat hook postrouting priority srcnat
            oifname "{{Wan}}" snat to {{wan}}
          }
        }
        """;

    // Also the whole of the IPv6 side, for every kind. A packet dropped or rejected at `input` leaves no tracked flow behind, because a flow
    // is only confirmed after that hook; where `input` accepts, the peer's early packet becomes a flow of the router itself. Of TCP not
    // even then: the router's own RST ends that flow as soon as it began.
    private static string Filter(bool dropUnsolicited, UnsolicitedSyn answer)
    {
        string rejection = answer switch
        {
            UnsolicitedSyn.Drop => "",
            UnsolicitedSyn.Reset => $"iifname \"{Wan}\" meta l4proto tcp reject with tcp reset",
            UnsolicitedSyn.PortUnreachable => $"iifname \"{Wan}\" meta l4proto tcp reject with icmpx type port-unreachable",
            UnsolicitedSyn.Prohibited => $"iifname \"{Wan}\" meta l4proto tcp reject with icmpx type admin-prohibited",
        };
        return $$"""
        table inet filter {
          chain forward {
            type filter hook forward priority filter
            policy drop
            ct state established,related accept
            ct status dnat accept
            iifname "{{Lan}}" accept
            {{rejection}}
          }
          chain input {
            type filter hook input priority filter
            policy {{(dropUnsolicited ? "drop" : "accept")}}
            ct state established,related accept
            iifname "lo" accept
            meta l4proto { icmp, icmpv6 } accept
            {{rejection}}
          }
        }

        """;
    }

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
    // inside socket holds is not given out again: then chance chooses. What the router sends for itself, such as a RST, makes no mapping.
    private static string Cone(string admitted, string remember, IPAddress wan, string? hairpinFor)
    {
        string lifetime = $"{ConeLifetime.TotalSeconds}s";
        bool hairpin = hairpinFor is not null;
        const string ports = "meta l4proto { tcp, udp }";
        string leaving = hairpin ? $"oifname {{ \"{Wan}\", \"{Lan}\" }}" : $"oifname \"{Wan}\"";
        string hairpinIn = hairpin ? $"iifname \"{Lan}\" ip daddr {wan} {ports} {admitted} dnat ip to meta l4proto . th dport map @owner" : "";
        // Where a packet came from is no longer known behind the routing decision, hence the source address.
        string turned = $"oifname \"{Lan}\" ip saddr {hairpinFor}";
        string hairpinOut = hairpin ? $"{turned} {ports} snat ip to meta l4proto . ip saddr . th sport map @assigned\n    {turned} snat to {wan}" : "";
        string mapped = $"{leaving} ip saddr {wan} {ports}";
        return $$"""
        table ip nat {
          map owner {
            type inet_proto . inet_service : ipv4_addr . inet_service
            flags dynamic,timeout
            timeout {{lifetime}}
            size 65535
          }
          map assigned {
            type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service
            flags dynamic,timeout
            timeout {{lifetime}}
            size 65535
          }
          set mapped {
            type inet_proto . inet_service
            flags dynamic,timeout
            timeout {{lifetime}}
            size 65535
          }
          set contacted {
            type inet_proto . inet_service . ipv4_addr
            flags dynamic,timeout
            timeout {{lifetime}}
            size 65535
          }
          chain prerouting {
            type nat hook prerouting priority dstnat
            iifname "{{Wan}}" {{ports}} {{admitted}} dnat ip to meta l4proto . th dport map @owner
            {{hairpinIn}}
          }
          chain postrouting {
            type nat hook postrouting priority srcnat
            oifname "{{Wan}}" {{ports}} snat ip to meta l4proto . ip saddr . th sport map @assigned
            {{hairpinOut}}
            oifname "{{Wan}}" {{ports}} meta l4proto . th sport @mapped masquerade to :1024-65535 random
            oifname "{{Wan}}" masquerade
          }
          chain remember {
            type filter hook postrouting priority 300
            ct reply ip saddr {{wan}} return
            {{mapped}} ct direction original update @owner { meta l4proto . th sport : ct original ip saddr . ct original proto-src }
            {{mapped}} ct direction original update @assigned { meta l4proto . ct original ip saddr . ct original proto-src : ip saddr . th sport }
            {{mapped}} ct direction reply update @owner { meta l4proto . th sport : ct reply ip saddr . ct reply proto-src }
            {{mapped}} ct direction reply update @assigned { meta l4proto . ct reply ip saddr . ct reply proto-src : ip saddr . th sport }
            {{mapped}} update @mapped { meta l4proto . th sport }
            {{(remember.Length > 0 ? $"{mapped} {remember}" : "")}}
          }
        }
        """;
    }
}
