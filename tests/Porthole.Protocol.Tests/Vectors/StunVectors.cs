using System.Globalization;

namespace Porthole.Protocol.Tests.Vectors;

/// <summary>The messages of RFC 5769 section 2 and RFC 8489 appendix B.1, in the layout of the RFCs.</summary>
internal static class StunVectors
{
    public const string Password = "VOkJxbRl1RmTxUk/WvJxBt";

    /// <summary>MD5("マトリックス:example.org:TheMatrIX"): the key of the messages with long-term credentials (RFC 8489 section 18.5.1.1).</summary>
    public static readonly byte[] LongTermKey = Convert.FromHexString("e8ca7ad59d5eb0518e312911d2dab2a9");

    public static readonly byte[] SampleRequest = Read(
        """
        00 01 00 58     Request type and message length
        21 12 a4 42     Magic cookie
        b7 e7 a7 01  }
        bc 34 d6 86  }  Transaction ID
        fa 87 df ae  }
        80 22 00 10     SOFTWARE attribute header
        53 54 55 4e  }
        20 74 65 73  }  User-agent...
        74 20 63 6c  }  ...name
        69 65 6e 74  }
        00 24 00 04     PRIORITY attribute header
        6e 00 01 ff     ICE priority value
        80 29 00 08     ICE-CONTROLLED attribute header
        93 2f f9 b1  }  Pseudo-random tie breaker...
        51 26 3b 36  }   ...for ICE control
        00 06 00 09     USERNAME attribute header
        65 76 74 6a  }
        3a 68 36 76  }  Username (9 bytes) and padding (3 bytes)
        59 20 20 20  }
        00 08 00 14     MESSAGE-INTEGRITY attribute header
        9a ea a7 0c  }
        bf d8 cb 56  }
        78 1e f2 b5  }  HMAC-SHA1 fingerprint
        b2 d3 f2 49  }
        c1 b5 71 a2  }
        80 28 00 04     FINGERPRINT attribute header
        e5 7a 3b cf     CRC32 fingerprint
        """);

    public static readonly byte[] SampleIPv4Response = Read(
        """
        01 01 00 3c     Response type and message length
        21 12 a4 42     Magic cookie
        b7 e7 a7 01  }
        bc 34 d6 86  }  Transaction ID
        fa 87 df ae  }
        80 22 00 0b     SOFTWARE attribute header
        74 65 73 74  }
        20 76 65 63  }  UTF-8 server name
        74 6f 72 20  }
        00 20 00 08     XOR-MAPPED-ADDRESS attribute header
        00 01 a1 47     Address family (IPv4) and xor'd mapped port number
        e1 12 a6 43     Xor'd mapped IPv4 address
        00 08 00 14     MESSAGE-INTEGRITY attribute header
        2b 91 f5 99  }
        fd 9e 90 c3  }
        8c 74 89 f9  }  HMAC-SHA1 fingerprint
        2a f9 ba 53  }
        f0 6b e7 d7  }
        80 28 00 04     FINGERPRINT attribute header
        c0 7d 4c 96     CRC32 fingerprint
        """);

    public static readonly byte[] SampleIPv6Response = Read(
        """
        01 01 00 48     Response type and message length
        21 12 a4 42     Magic cookie
        b7 e7 a7 01  }
        bc 34 d6 86  }  Transaction ID
        fa 87 df ae  }
        80 22 00 0b     SOFTWARE attribute header
        74 65 73 74  }
        20 76 65 63  }  UTF-8 server name
        74 6f 72 20  }
        00 20 00 14     XOR-MAPPED-ADDRESS attribute header
        00 02 a1 47     Address family (IPv6) and xor'd mapped port number
        01 13 a9 fa  }
        a5 d3 f1 79  }  Xor'd mapped IPv6 address
        bc 25 f4 b5  }
        be d2 b9 d9  }
        00 08 00 14     MESSAGE-INTEGRITY attribute header
        a3 82 95 4e  }
        4b e6 7b f1  }
        17 84 c9 7c  }  HMAC-SHA1 fingerprint
        82 92 c2 75  }
        bf e3 ed 41  }
        80 28 00 04     FINGERPRINT attribute header
        c8 fb 0b 4c     CRC32 fingerprint
        """);

    public static readonly byte[] LongTermRequest = Read(
        """
        00 01 00 60     Request type and message length
        21 12 a4 42     Magic cookie
        78 ad 34 33  }
        c6 ad 72 c0  }  Transaction ID
        29 da 41 2e  }
        00 06 00 12     USERNAME attribute header
        e3 83 9e e3  }
        83 88 e3 83  }
        aa e3 83 83  }  Username value (18 bytes) and padding (2 bytes)
        e3 82 af e3  }
        82 b9 00 00  }
        00 15 00 1c     NONCE attribute header
        66 2f 2f 34  }
        39 39 6b 39  }
        35 34 64 36  }
        4f 4c 33 34  }  Nonce value
        6f 4c 39 46  }
        53 54 76 79  }
        36 34 73 41  }
        00 14 00 0b     REALM attribute header
        65 78 61 6d  }
        70 6c 65 2e  }  Realm value (11 bytes) and padding (1 byte)
        6f 72 67 00  }
        00 08 00 14     MESSAGE-INTEGRITY attribute header
        f6 70 24 65  }
        6d d6 4a 3e  }
        02 b8 e0 71  }  HMAC-SHA1 fingerprint
        2e 85 c9 a2  }
        8c a8 96 66  }
        """);

    /// <summary>RFC 8489 appendix B.1. The key is MD5 of the usual form, since the message names no password algorithm; the HMAC was checked with a second implementation.</summary>
    public static readonly byte[] LongTermSha256Request = Read(
        """
        00 01 00 88     Request type and message length
        21 12 a4 42     Magic cookie
        78 ad 34 33  }
        c6 ad 72 c0  }  Transaction ID
        29 da 41 2e  }
        00 1e 00 20     USERHASH attribute header
        4a 3c f3 8f  }
        ef 69 92 bd  }
        a9 52 c6 78  }
        04 17 da 0f  }  Userhash value (32 bytes)
        24 81 94 15  }
        56 9e 60 b2  }
        05 c4 6e 41  }
        40 7f 17 04  }
        00 15 00 29     NONCE attribute header
        6f 62 4d 61  }
        74 4a 6f 73  }
        32 41 41 41  }
        43 66 2f 2f  }
        34 39 39 6b  }  Nonce value (41 bytes) and padding (3 bytes)
        39 35 34 64  }
        36 4f 4c 33  }
        34 6f 4c 39  }
        46 53 54 76  }
        79 36 34 73  }
        41 00 00 00  }
        00 14 00 0b     REALM attribute header
        65 78 61 6d  }
        70 6c 65 2e  }  Realm value (11 bytes) and padding (1 byte)
        6f 72 67 00  }
        00 1c 00 20     MESSAGE-INTEGRITY-SHA256 attribute header
        fd 8c 27 38  }
        60 d2 e1 8e  }
        bc a4 c8 9b  }
        69 73 be fa  }  HMAC-SHA256 value
        7e e8 ec c6  }
        9e 96 42 db  }
        32 6f ab 65  }
        a0 b9 55 ba  }
        """);

    /// <summary>Every whole message above.</summary>
    public static IReadOnlyList<byte[]> All { get; } = [SampleRequest, SampleIPv4Response, SampleIPv6Response, LongTermRequest, LongTermSha256Request];

    private static byte[] Read(string text) =>
    [
        .. text.Split('\n').SelectMany(static line =>
            line[..11].Split(' ').Select(static digits => byte.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture))),
    ];
}
