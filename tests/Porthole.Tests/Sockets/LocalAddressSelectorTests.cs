using Porthole.Protocol;
using Porthole.Sockets;

namespace Porthole.Tests.Sockets;

public sealed class LocalAddressSelectorTests
{
    [Fact]
    public void Loopback_is_used_only_when_asked_for_or_when_there_is_nothing_else()
    {
        LocalAddress loopback = Local("127.0.0.1", "lo"), lan = Local("192.168.1.2", "eth0", gateway: true);
        Assert.Equal(["192.168.1.2"], Select(false, loopback, lan));
        Assert.Equal(["192.168.1.2", "127.0.0.1"], Select(true, loopback, lan));
        Assert.Equal(["127.0.0.1"], Select(false, loopback));
    }

    [Fact]
    public void Networks_that_end_in_this_host_and_link_local_addresses_are_left_out_while_there_are_others()
    {
        LocalAddress docker = Local("172.17.0.1", "docker0"), bridge = Local("10.88.0.1", "podman1"), auto = Local("169.254.3.4", "eth1");
        Assert.Equal(["192.168.1.2"], Select(false, docker, bridge, auto, Local("192.168.1.2", "wlan0")));
        Assert.Equal(["10.88.0.1", "172.17.0.1", "169.254.3.4"], Select(false, docker, auto, bridge));
        Assert.Equal(["192.168.1.2", "2001:db8::1"], Select(false, docker, Local("192.168.1.2", "wlan0"), Local("fe80::1", "wlan0"), Local("2001:db8::1", "wlan0")));
    }

    [Fact]
    public void The_interface_with_a_gateway_comes_first_and_slots_are_few()
    {
        var many = Enumerable.Range(1, 9).Select(i => Local($"10.0.{i}.1", $"eth{i}", gateway: i == 7))
            .Concat(Enumerable.Range(1, 9).Select(i => Local($"2001:db8::{i}", "eth1", gateway: true, i == 5 ? AddressTraits.Temporary : AddressTraits.None)))
            .ToArray();
        string[] chosen = Select(false, many);
        Assert.Equal(LocalAddressSelector.MaxIPv4 + LocalAddressSelector.MaxIPv6, chosen.Length);
        Assert.Equal("10.0.7.1", chosen[0]);
        Assert.Equal("2001:db8::5", chosen[LocalAddressSelector.MaxIPv4]);
    }

    [Fact]
    public void The_order_of_interfaces_does_not_matter_and_unusable_addresses_do_not_count()
    {
        var found = new[] { Local("10.0.0.1", "a"), Local("10.0.0.2", "b"), Local("2001:db8::9", "a", true, AddressTraits.Unusable), Local("0.0.0.0", "c") };
        Assert.Equal(["10.0.0.1", "10.0.0.2"], Select(false, found));
        Assert.Equal(["10.0.0.1", "10.0.0.2"], Select(false, [.. found.Reverse()]));
    }

    [Fact]
    public void Address_flags_of_Linux_are_read()
    {
        var flags = LinuxIPv6Flags.Parse(
        [
            "20010db8000000000000000000000001 02 40 00 80     eth0",
            "20010db8000000000000000000000002 02 40 00 01     eth0",
            "20010db8000000000000000000000003 02 40 00 40     eth0",
            "20010db8000000000000000000000004 02 40 00 21     eth0",
            "nonsense", string.Empty, "20010db8000000000000000000000005 02 40 00 zz eth0",
        ]);
        Assert.Equal(3, flags.Count);
        Assert.Equal(AddressTraits.Temporary, flags[TransportAddress.Parse("[2001:db8::2]:0")]);
        Assert.Equal(AddressTraits.Unusable, flags[TransportAddress.Parse("[2001:db8::3]:0")]);
        Assert.Equal(AddressTraits.Unusable | AddressTraits.Temporary, flags[TransportAddress.Parse("[2001:db8::4]:0")]);
    }

    [Fact]
    public void This_host_has_an_address()
    {
        Assert.NotEmpty(new RealNetwork().LocalAddresses);
        Assert.Contains(new RealNetwork { UseLoopback = true }.LocalAddresses, address => address.IsLoopback);
    }

    private static LocalAddress Local(string address, string network, bool gateway = false, AddressTraits traits = AddressTraits.None) =>
        new(TransportAddress.From(System.Net.IPAddress.Parse(address), 0), network, gateway, traits);

    private static string[] Select(bool useLoopback, params LocalAddress[] found) =>
        [.. LocalAddressSelector.Select(found, useLoopback).Select(address => address.Address.ToString())];
}
