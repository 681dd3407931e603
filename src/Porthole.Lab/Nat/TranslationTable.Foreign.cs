using Porthole.Protocol;

namespace Porthole.Lab.Nat;

// What other hosts behind the same NAT do to its ports. They are not simulated: they open mappings at random times, and that is all one notices of them.
internal sealed partial class TranslationTable
{
    private readonly Dictionary<TransportAddress, Instant> _foreign = [];
    private readonly Queue<(TransportAddress External, Instant Expires)> _foreignByAge = [];
    private Instant? _nextForeign;

    private bool IsForeign(Instant now, TransportAddress external) => _foreign.TryGetValue(external, out var expires) && expires > now;

    // Called before a port is given out: nobody sees the ports of the others before that.
    private void AdvanceForeign(Instant now)
    {
        if (_profile.ForeignPortsPerSecond == 0 || _overloads || _profile.Allocation is PortAllocation.Block) return;
        _nextForeign ??= now + DrawGap();
        while (_nextForeign is { } at && at <= now)
        {
            _nextForeign = at + DrawGap();
            ForgetForeign(at);
            int index = _entropy.NextInt32(0, _externalAddresses.Length);
            var local = default(TransportAddress).WithPort((ushort)_entropy.NextInt32(_profile.Ports.First, _profile.Ports.Last + 1));
            if (!TryAllocatePort(at, index, null, local, default, out var external)) continue;
            var expires = at + _profile.UnrepliedLifetime;
            _foreign[external] = expires;
            _foreignByAge.Enqueue((external, expires));
        }

        ForgetForeign(now);
    }

    private void ForgetForeign(Instant now)
    {
        while (_foreignByAge.TryPeek(out var oldest) && oldest.Expires <= now)
        {
            _foreignByAge.Dequeue();
            if (_foreign[oldest.External] == oldest.Expires) _foreign.Remove(oldest.External);
        }
    }

    // The time between two events of a Poisson process.
    private TimeSpan DrawGap() => TimeSpan.FromSeconds(-Math.Log(1 - _entropy.NextDouble(0, 1)) / _profile.ForeignPortsPerSecond);

    private void ResetForeign()
    {
        _foreign.Clear();
        _foreignByAge.Clear();
        _nextForeign = null;
    }
}
