namespace Porthole.Protocol.Tests.Noise;

/// <summary>Gives prepared answers, one per call, and fails the test when asked once more.</summary>
internal sealed class ScriptedEntropy(params IEnumerable<byte[]> answers) : EntropySource
{
    private readonly Queue<byte[]> _answers = new(answers);

    public int Left => _answers.Count;

    public override void Fill(Span<byte> destination) => _answers.Dequeue().CopyTo(destination);
}
