using Porthole.Protocol;

namespace Porthole.Lab.Nat;

// Which external address and port a new mapping gets (RFC 4787 section 4.2).
internal sealed partial class TranslationTable
{
    // A random port is drawn this often before the range is searched in order: enough unless almost all of it is taken.
    private const int RandomDraws = 64;

    private readonly int[] _lastPorts;
    private readonly HashSet<(int AddressIndex, int First)> _usedBlocks = [];

    private bool TryAllocatePort(Instant now, InternalHost host, TransportAddress local, TransportAddress remote, out TransportAddress external)
    {
        AdvanceForeign(now);
        int first = _profile.Pooling == AddressPooling.Paired || _externalAddresses.Length == 1
            ? host.AddressIndex
            : _entropy.NextInt32(0, _externalAddresses.Length);
        int choices = _profile.Pooling == AddressPooling.Paired ? 1 : _externalAddresses.Length;
        for (int i = 0; i < choices; i++)
        {
            int index = (first + i) % _externalAddresses.Length;
            if (TryAllocatePort(now, index, host, local, remote, out external)) return true;
        }

        external = default;
        return false;
    }

    private bool TryAllocatePort(
        Instant now, int index, InternalHost? host, TransportAddress local, TransportAddress remote, out TransportAddress external) =>
        _profile.Allocation switch
        {
            PortAllocation.Preserve or PortAllocation.PreserveWithOverload =>
                IsFree(now, external = _externalAddresses[index].WithPort(local.Port), remote, local)
                || TryDraw(now, index, _profile.Ports, local, remote, out external),
            PortAllocation.Sequential sequential => TryNext(now, index, sequential.Step, local, remote, out external),
            PortAllocation.Random => TryDraw(now, index, _profile.Ports, local, remote, out external),
            PortAllocation.Block block => TryBlocks(now, index, block, host!, local, remote, out external),
            _ => throw new System.Diagnostics.UnreachableException(),
        };

    private bool IsFree(Instant now, TransportAddress external, TransportAddress remote, TransportAddress local) =>
        external.Port != 0 && (_overloads || !(HasLiveEntry(now, external) || IsForeign(now, external))) && IsTupleFree(now, external, remote, local);

    private bool TryDraw(Instant now, int index, PortRange ports, TransportAddress local, TransportAddress remote, out TransportAddress external)
    {
        for (int i = 0; i < RandomDraws; i++)
        {
            int port = WithParity(_entropy.NextInt32(ports.First, ports.Last + 1), local, ports);
            if (IsFree(now, external = _externalAddresses[index].WithPort((ushort)port), remote, local)) return true;
        }

        int start = _entropy.NextInt32(0, ports.Count);
        for (int i = 0; i < ports.Count; i++)
        {
            int port = ports.First + (start + i) % ports.Count;
            if (WithParity(port, local, ports) != port) continue;
            if (IsFree(now, external = _externalAddresses[index].WithPort((ushort)port), remote, local)) return true;
        }

        external = default;
        return false;
    }

    private bool TryNext(Instant now, int index, int step, TransportAddress local, TransportAddress remote, out TransportAddress external)
    {
        int count = _profile.Ports.Count;
        for (int i = 0; i < Math.Max(1, count / Math.Abs(step)); i++)
        {
            int offset = (_lastPorts[index] - _profile.Ports.First + step) % count;
            _lastPorts[index] = _profile.Ports.First + (offset < 0 ? offset + count : offset);
            int port = WithParity(_lastPorts[index], local, _profile.Ports);
            if (IsFree(now, external = _externalAddresses[index].WithPort((ushort)port), remote, local)) return true;
        }

        // Once round, and the ports on the way are all taken: any other will do.
        return TryDraw(now, index, _profile.Ports, local, remote, out external);
    }

    private bool TryBlocks(
        Instant now,
        int index,
        PortAllocation.Block block,
        InternalHost host,
        TransportAddress local,
        TransportAddress remote,
        out TransportAddress external)
    {
        host.Blocks ??= [];
        foreach (var (address, first) in host.Blocks)
        {
            if (address == index && TryDraw(now, index, BlockAt(first, block.Size), local, remote, out external)) return true;
        }

        external = default;
        int blocks = _profile.Ports.Count / block.Size;
        if (host.Blocks.Count >= block.BlocksPerHost) return false;
        int start = _entropy.NextInt32(0, blocks);
        for (int i = 0; i < blocks; i++)
        {
            int first = _profile.Ports.First + (start + i) % blocks * block.Size;
            if (!_usedBlocks.Add((index, first))) continue;
            host.Blocks.Add((index, first));
            return TryDraw(now, index, BlockAt(first, block.Size), local, remote, out external);
        }

        return false;
    }

    private static PortRange BlockAt(int first, int size) => new((ushort)first, (ushort)(first + size - 1));

    private int WithParity(int port, TransportAddress local, PortRange ports)
    {
        if (!_profile.Allocation.KeepParity || ((port ^ local.Port) & 1) == 0) return port;
        return ports.Contains(port + 1) ? port + 1 : Math.Max(ports.First, port - 1);
    }

    private void ReleaseBlocks(InternalHost host)
    {
        if (host.Blocks is null) return;
        foreach (var block in host.Blocks) _usedBlocks.Remove(block);
        host.Blocks.Clear();
    }

    // Where a counter stands after a restart is chance.
    private void ResetPorts()
    {
        if (_profile.Allocation is not PortAllocation.Sequential) return;
        for (int i = 0; i < _lastPorts.Length; i++) _lastPorts[i] = _entropy.NextInt32(_profile.Ports.First, _profile.Ports.Last + 1);
    }
}
