using System.Globalization;
using System.Net;

namespace Porthole.Punching;

/// <summary>How far a bare punch has come.</summary>
/// <param name="Step">The step it is at.</param>
/// <param name="Try">How many tries were made: rounds of packets over UDP, connects over TCP.</param>
/// <param name="Remote">The address that this is about; null when it is about none yet.</param>
/// <param name="Elapsed">Since the call.</param>
public sealed record PunchProgress(PunchStep Step, int Try, IPEndPoint? Remote, TimeSpan Elapsed)
{
    /// <summary>One line for a person.</summary>
    public override string ToString()
    {
        string what = Step switch
        {
            PunchStep.Binding => "the port is ready",
            PunchStep.Mapping => $"asking {Remote} for the mapped address",
            PunchStep.Waiting => "waiting for the common start",
            PunchStep.Opening => string.Create(CultureInfo.InvariantCulture, $"try {Try}, to {Remote}"),
            PunchStep.Answering => $"the peer is heard from {Remote}",
            PunchStep.Agreeing => $"both directions work with {Remote}",
            PunchStep.Connected => $"connected to {Remote}",
        };
        return string.Create(CultureInfo.InvariantCulture, $"{Elapsed.TotalSeconds,6:0.000} s  {what}");
    }
}
