using System.Text;
using Porthole.Protocol.Files;

namespace Porthole.Protocol.Tests.Files;

public sealed class EntryNameTests
{
    [Theory]
    [InlineData("a", EntryNameFault.None)]
    [InlineData("...", EntryNameFault.None)]
    [InlineData(".hidden", EntryNameFault.None)]
    [InlineData("文件 🎉", EntryNameFault.None)]
    [InlineData("aux", EntryNameFault.None)]
    [InlineData("a:b", EntryNameFault.None)]
    [InlineData("", EntryNameFault.Empty)]
    [InlineData(".", EntryNameFault.Dots)]
    [InlineData("..", EntryNameFault.Dots)]
    [InlineData("a/b", EntryNameFault.Separator)]
    [InlineData("a\\b", EntryNameFault.Separator)]
    [InlineData("a\0", EntryNameFault.Control)]
    [InlineData("a\u007f", EntryNameFault.Control)]
    [InlineData("a\u0085", EntryNameFault.Control)]
    [InlineData("a\u2029", EntryNameFault.Control)]
    public void Names_are_judged_the_same_everywhere(string name, EntryNameFault fault) => Assert.Equal(fault, EntryName.Check(name, windows: false));

    [Fact]
    public void Half_a_letter_is_no_text()
    {
        foreach (string name in (string[])["\ud800", "a\udc00b", "\udc00\ud800", "x\ud83c"]) Assert.Equal(EntryNameFault.NotText, EntryName.Check(name, windows: false));
    }

    [Theory]
    [InlineData("aux", EntryNameFault.Device)]
    [InlineData("AUX.txt", EntryNameFault.Device)]
    [InlineData("con .x", EntryNameFault.Device)]
    [InlineData("nul", EntryNameFault.Device)]
    [InlineData("COM1", EntryNameFault.Device)]
    [InlineData("lpt9.tar.gz", EntryNameFault.Device)]
    [InlineData("com\u00b2", EntryNameFault.Device)]
    [InlineData("CONIN$", EntryNameFault.Device)]
    [InlineData("auxiliary", EntryNameFault.None)]
    [InlineData("com10", EntryNameFault.None)]
    [InlineData("C:", EntryNameFault.WindowsCharacter)]
    [InlineData("file:stream", EntryNameFault.WindowsCharacter)]
    [InlineData("what?", EntryNameFault.WindowsCharacter)]
    [InlineData("a.", EntryNameFault.TrailingDotOrBlank)]
    [InlineData("a ", EntryNameFault.TrailingDotOrBlank)]
    [InlineData("...", EntryNameFault.TrailingDotOrBlank)]
    public void Windows_has_rules_of_its_own(string name, EntryNameFault fault) => Assert.Equal(fault, EntryName.Check(name, windows: true));

    [Theory]
    [InlineData(255, 1, EntryNameFault.None)]
    [InlineData(256, 1, EntryNameFault.TooLong)]
    [InlineData(85, 3, EntryNameFault.None)]
    [InlineData(86, 3, EntryNameFault.TooLong)]
    public void A_name_has_255_bytes_at_most(int letters, int bytes, EntryNameFault fault) =>
        Assert.Equal(fault, EntryName.Check(new string(bytes == 1 ? 'x' : '文', letters), windows: false));

    [Theory]
    [InlineData(".porthole-transfer-1")]
    [InlineData(".Porthole-Transfer-1")]
    [InlineData("x.porthole-part")]
    public void At_the_top_no_name_looks_like_a_journal_or_a_part(string name)
    {
        Assert.Equal(EntryNameFault.Own, EntryName.CheckRoot(name, windows: false));
        Assert.Equal(EntryNameFault.None, EntryName.Check(name, windows: false));
    }

    [Fact]
    public void A_part_has_the_name_of_the_root_as_far_as_it_fits()
    {
        Assert.Equal("photos.0123.porthole-part", EntryName.PartOf("photos", "0123"));
        foreach (string name in (string[])[new string('x', 255), new string('文', 85), string.Concat(Enumerable.Repeat("🎉", 63))])
        {
            string part = EntryName.PartOf(name, "0123456789ab");
            Assert.Equal(EntryNameFault.None, EntryName.Check(part, windows: true));
            Assert.InRange(Encoding.UTF8.GetByteCount(part), 250, FileLimits.MaxName);
            Assert.EndsWith(".0123456789ab.porthole-part", part, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_passes_never_leaves_its_folder()
    {
        var random = new Random(4);
        string alphabet = "./\\:ab \0\u001f文~$CONaux";
        string folder = OperatingSystem.IsWindows() ? @"C:\in" : "/in";
        int passed = 0;
        for (int i = 0; i < 50_000; i++)
        {
            string name = string.Concat(Enumerable.Range(0, random.Next(1, 7)).Select(_ => alphabet[random.Next(alphabet.Length)]));
            if (EntryName.Check(name, windows: OperatingSystem.IsWindows()) != EntryNameFault.None) continue;
            passed++;
            string full = Path.GetFullPath(Path.Combine(folder, name));
            Assert.Equal(folder, Path.GetDirectoryName(full));
            Assert.Equal(name, Path.GetFileName(full));
        }

        Assert.True(passed > 1_000, "some names pass");
    }
}
