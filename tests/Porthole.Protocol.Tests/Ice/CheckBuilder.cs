using System.Text;
using Porthole.Protocol.Ice;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Ice;

/// <summary>Builds checks and answers as another agent, honest or not, would.</summary>
internal sealed record CheckBuilder(IceCredentials From, IceCredentials To)
{
    public IceRole? Role { get; init; } = IceRole.Controlled;

    public ulong TieBreaker { get; init; }

    public uint? Priority { get; init; } = CandidatePriority.Compute(CandidateType.PeerReflexive, CandidatePriority.HighestLocalPreference);

    public bool UseCandidate { get; init; }

    public bool WithFingerprint { get; init; } = true;

    public string? Password { get; init; }

    public string? Username { get; init; }

    public StunAttributeType? Extra { get; init; }

    public byte[] Request(TransactionId id)
    {
        var writer = new StunWriter(new byte[1_024], StunClass.Request, StunMethod.Binding, id);
        writer.WriteText(StunAttributeType.Username, Username ?? $"{To.UsernameFragment}:{From.UsernameFragment}");
        if (Priority is { } priority) writer.WriteUInt32(StunAttributeType.Priority, priority);
        if (Role is { } role) writer.WriteUInt64(role == IceRole.Controlling ? StunAttributeType.IceControlling : StunAttributeType.IceControlled, TieBreaker);
        if (UseCandidate) writer.WriteFlag(StunAttributeType.UseCandidate);
        if (Extra is { } extra) writer.WriteUInt32(extra, 0);
        return Finish(writer, Password ?? To.Password);
    }

    /// <summary>An answer of <see cref="From"/>'s owner to a request of the other.</summary>
    public byte[] Success(ReadOnlySpan<byte> request, TransportAddress? mapped)
    {
        Assert.True(StunReader.TryParse(request, out var read));
        var writer = new StunWriter(new byte[1_024], StunClass.SuccessResponse, StunMethod.Binding, read.TransactionId);
        if (mapped is { } address) writer.WriteXorAddress(StunAttributeType.XorMappedAddress, address);
        return Finish(writer, Password ?? From.Password);
    }

    public byte[] Error(ReadOnlySpan<byte> request, StunErrorCode code)
    {
        Assert.True(StunReader.TryParse(request, out var read));
        var writer = new StunWriter(new byte[1_024], StunClass.ErrorResponse, StunMethod.Binding, read.TransactionId);
        writer.WriteErrorCode(code);
        return Finish(writer, Password ?? From.Password);
    }

    public static byte[] Indication(TransactionId id)
    {
        var writer = new StunWriter(new byte[64], StunClass.Indication, StunMethod.Binding, id);
        writer.WriteFingerprint();
        return writer.Written.ToArray();
    }

    public static StunClass ClassOf(IcePacket packet)
    {
        Assert.True(StunReader.TryParse(packet.Bytes, out var message));
        return message.Class;
    }

    public static bool Has(IcePacket packet, StunAttributeType type)
    {
        Assert.True(StunReader.TryParse(packet.Bytes, out var message));
        return message.Has(type);
    }

    public static TransactionId IdOf(IcePacket packet)
    {
        Assert.True(StunReader.TryParse(packet.Bytes, out var message));
        return message.TransactionId;
    }

    public static StunErrorCode ErrorOf(IcePacket packet)
    {
        Assert.True(StunReader.TryParse(packet.Bytes, out var message));
        return message.TryGetErrorCode(out var code, out _) ? code : StunErrorCode.None;
    }

    private byte[] Finish(StunWriter writer, string password)
    {
        writer.WriteIntegrity(Encoding.ASCII.GetBytes(password));
        if (WithFingerprint) writer.WriteFingerprint();
        return writer.Written.ToArray();
    }
}
