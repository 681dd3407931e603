using System.Text;
using Porthole.Protocol.Stun;

namespace Porthole.Protocol.Tests.Stun;

public sealed class StunCredentialTests
{
    private static readonly StunServerKey s_key = new("a secret of thirty-two bytes, ok!"u8[..32]);
    private static readonly StunCredentialIssuer s_issuer = new(s_key);
    private static readonly DateTimeOffset s_now = new(2026, 11, 21, 8, 0, 0, TimeSpan.Zero);
    private static readonly PeerId s_peer = new([.. Enumerable.Range(1, 32).Select(static i => (byte)i)]);
    private static readonly TransportAddress s_mapped = TransportAddress.Parse("203.0.113.7:40000");
    private static readonly TransportAddress s_local = TransportAddress.Parse("192.168.1.10:5000");

    [Fact]
    public void A_credential_is_recognised_without_having_been_kept()
    {
        var credential = s_issuer.Issue(s_peer, s_now);
        Span<byte> password = stackalloc byte[StunCredentialIssuer.PasswordLength];

        Assert.True(new StunCredentialIssuer(new StunServerKey("a secret of thirty-two bytes, ok!"u8[..32]))
            .TryGetPassword(credential.UsernameBytes, s_now, password, out var peer));
        Assert.Equal(credential.Password, Encoding.ASCII.GetString(password));
        Assert.Equal(s_key.TagOf(s_peer), peer);
    }

    [Theory]
    [InlineData(59, true)]
    [InlineData(60, false)]
    public void A_credential_ends_with_its_lifetime(int seconds, bool isGood)
    {
        var credential = s_issuer.Issue(s_peer, s_now, TimeSpan.FromSeconds(60));
        Span<byte> password = stackalloc byte[StunCredentialIssuer.PasswordLength];
        Assert.Equal(isGood, s_issuer.TryGetPassword(credential.UsernameBytes, s_now + TimeSpan.FromSeconds(seconds), password, out _));
    }

    [Fact]
    public void A_changed_user_name_has_another_password()
    {
        var credential = s_issuer.Issue(s_peer, s_now);
        Span<byte> password = stackalloc byte[StunCredentialIssuer.PasswordLength];
        for (int i = 0; i < credential.Username.Length; i++)
        {
            byte[] changed = credential.UsernameBytes.ToArray();
            changed[i] = changed[i] == 'A' ? (byte)'B' : (byte)'A';
            if (s_issuer.TryGetPassword(changed, s_now, password, out _)) Assert.NotEqual(credential.Password, Encoding.ASCII.GetString(password));
        }
    }

    [Fact]
    public void Any_user_name_is_judged_without_an_exception()
    {
        var random = new Random(1);
        byte[] password = new byte[StunCredentialIssuer.PasswordLength];
        for (int length = 0; length < 100; length++)
        {
            byte[] username = new byte[length];
            random.NextBytes(username);
            Assert.False(s_issuer.TryGetPassword(username, s_now, password, out _));
            username.AsSpan().Fill((byte)'=');
            Assert.False(s_issuer.TryGetPassword(username, s_now, password, out _));
        }
    }

    [Fact]
    public void The_peers_id_is_not_in_what_travels()
    {
        byte[] id = new byte[PeerId.Size];
        s_peer.WriteTo(id);
        byte[] tag = new byte[PeerTag.Size];
        s_key.TagOf(s_peer).WriteTo(tag);
        Assert.Equal(-1, id.AsSpan().IndexOf(tag));
        Assert.NotEqual(s_key.TagOf(s_peer), new StunServerKey(new byte[32]).TagOf(s_peer));
    }

    [Fact]
    public void Secrets_are_not_printed()
    {
        var credential = s_issuer.Issue(s_peer, s_now);
        Assert.DoesNotContain(credential.Password, credential.ToString(), StringComparison.Ordinal);
        Assert.Equal("StunServerKey(…)", s_key.ToString());
    }

    [Theory]
    [InlineData(508, true)]
    [InlineData(509, false)]
    public void A_user_name_has_fewer_than_509_bytes(int length, bool isGood)
    {
        var create = () => new ShortTermCredential(new string('u', length), "password");
        if (isGood) Assert.Equal(length, create().UsernameBytes.Length);
        else Assert.Throws<ArgumentException>(create);
    }

    [Fact]
    public void A_short_secret_is_refused() => Assert.Throws<ArgumentException>(static () => new StunServerKey(new byte[31]));

    [Theory]
    [InlineData(89, true)]
    [InlineData(90, false)]
    public void A_proof_ends_with_its_lifetime(int seconds, bool isGood) =>
        Assert.Equal(isGood, ReflexiveProof.TryVerify(s_key, s_peer, s_mapped, s_local, s_now + TimeSpan.FromSeconds(seconds), Proof()));

    [Fact]
    public void A_proof_holds_for_one_peer_one_mapped_address_one_local_candidate_and_one_server()
    {
        byte[] proof = Proof();
        Assert.True(ReflexiveProof.TryVerify(s_key, s_peer, s_mapped, s_local, s_now, proof));
        Assert.False(ReflexiveProof.TryVerify(s_key, default, s_mapped, s_local, s_now, proof));
        Assert.False(ReflexiveProof.TryVerify(s_key, s_peer, s_mapped.WithPort(40_001), s_local, s_now, proof));
        Assert.False(ReflexiveProof.TryVerify(s_key, s_peer, s_mapped, s_local.WithPort(5_001), s_now, proof));
        Assert.False(ReflexiveProof.TryVerify(s_key, s_peer, s_local, s_mapped, s_now, proof));
        Assert.False(ReflexiveProof.TryVerify(s_key, s_peer, TransportAddress.Parse("[::cb00:7107]:40000"), s_local, s_now, proof)); // the same 16 bytes
        Assert.False(ReflexiveProof.TryVerify(new StunServerKey(new byte[32]), s_peer, s_mapped, s_local, s_now, proof));
    }

    [Fact]
    public void A_changed_shortened_or_lengthened_proof_is_none()
    {
        byte[] proof = Proof();
        for (int i = 0; i < proof.Length * 8; i++)
        {
            proof[i / 8] ^= (byte)(1 << (i % 8));
            Assert.False(ReflexiveProof.TryVerify(s_key, s_peer, s_mapped, s_local, s_now, proof));
            proof[i / 8] ^= (byte)(1 << (i % 8));
        }

        for (int length = 0; length < proof.Length; length++)
        {
            Assert.False(ReflexiveProof.TryVerify(s_key, s_peer, s_mapped, s_local, s_now, proof.AsSpan(0, length)));
        }

        Assert.False(ReflexiveProof.TryVerify(s_key, s_peer, s_mapped, s_local, s_now, [.. proof, 0]));
    }

    private static byte[] Proof()
    {
        byte[] token = new byte[ReflexiveProof.Size];
        ReflexiveProof.Issue(s_key, s_key.TagOf(s_peer), s_mapped, s_local, s_now + ReflexiveProof.DefaultLifetime, token);
        return token;
    }
}
