using System.Globalization;
using System.Text;
using System.Xml;
using Porthole.Protocol;

namespace Porthole.Cli.Trace;

/// <summary>
/// Writes a trace as a sequence chart: one HTML file that needs nothing else, no script and no network. It is well-formed XML as well, and whatever came from
/// outside goes through the writer that escapes it.
/// </summary>
internal sealed class TraceChart
{
    private const int RowHeight = 18;
    private const int HeadHeight = 46;
    private const int TimeWidth = 92;
    private const int LaneWidth = 118;
    private const int TextLeft = TimeWidth + 4 * LaneWidth + 84;
    private const int Width = TextLeft + 820;

    private const string Style = """
        :root { color-scheme: light dark }
        body { font: 14px/1.45 system-ui, sans-serif; margin: 1.2rem }
        table { border-collapse: collapse } td, th { text-align: left; padding: .1rem .8rem .1rem 0; vertical-align: top }
        .chart { overflow-x: auto } svg text { font: 11px ui-monospace, monospace; fill: currentColor }
        .head text { font-weight: bold; text-anchor: middle } .head .who { font-weight: normal; opacity: .75 }
        .lane { stroke: currentColor; opacity: .22 } .time { opacity: .6; text-anchor: end }
        line { stroke-width: 1.4 } polygon { stroke: none } .note text { font-weight: bold } .note line { stroke: currentColor; opacity: .22; stroke-dasharray: 2 3 }
        .question line, .key-question { stroke: #3b82f6 } .question polygon { fill: #3b82f6 } .key-question { color: #3b82f6 }
        .answer line { stroke: #0d9488; stroke-dasharray: 5 2 } .answer polygon { fill: #0d9488 } .key-answer { color: #0d9488 }
        .check line { stroke: #16a34a } .check polygon { fill: #16a34a } .key-check { color: #16a34a }
        .probe line { stroke: #d97706 } .probe polygon { fill: #d97706 } .key-probe { color: #d97706 }
        .opener line { stroke: #9333ea } .opener polygon { fill: #9333ea } .key-opener { color: #9333ea }
        .connection line { stroke: #64748b } .connection polygon { fill: #64748b } .key-connection { color: #64748b }
        .control line { stroke: #737373 } .control polygon { fill: #737373 } .key-control { color: #737373 }
        .relay line { stroke: #a16207 } .relay polygon { fill: #a16207 } .key-relay { color: #a16207 }
        .lost line { stroke-dasharray: 3 3 } .cross { stroke: #dc2626; stroke-width: 2 }
        """;

    private readonly TraceStory _story;
    private readonly TraceCast _cast;
    private readonly XmlWriter _xml;

    private TraceChart(TraceStory story, XmlWriter xml) => (_story, _cast, _xml) = (story, new TraceCast(story.Record), xml);

    /// <summary>Writes the chart.</summary>
    public static void Write(Stream output, TraceStory story)
    {
        var settings = new XmlWriterSettings { Encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), OmitXmlDeclaration = true, Indent = true, IndentChars = "", CloseOutput = false };
        using var xml = XmlWriter.Create(output, settings);
        new TraceChart(story, xml).Write();
    }

    private void Write()
    {
        _xml.WriteDocType("html", null, null, null);
        _xml.WriteStartElement("html");
        _xml.WriteAttributeString("lang", "en");
        WriteHead();
        _xml.WriteStartElement("body");
        Element("h1", $"{_cast.Here} and {_cast.There}");
        var rows = TraceRows.Of(_story.Steps.Select(static one => one.Step).OfType<TraceStep>(), out int leftOut);
        WriteSummary(leftOut);
        WriteTried();
        WriteKey();
        WriteRows(rows);
        _xml.WriteEndElement();
        _xml.WriteEndElement();
    }

    private void WriteHead()
    {
        _xml.WriteStartElement("head");
        _xml.WriteStartElement("meta");
        _xml.WriteAttributeString("charset", "utf-8");
        _xml.WriteEndElement();
        Element("title", $"Porthole: {_cast.Here} and {_cast.There}");
        Element("style", Style);
        _xml.WriteEndElement();
    }

    private void WriteSummary(int leftOut)
    {
        var record = _story.Record;
        Element("p", string.Create(CultureInfo.InvariantCulture, $"From {record.Began:yyyy-MM-dd HH:mm:ss} UTC on; times count from then. Seen from {_cast.Here}: what the other side did is known by what came of it."));
        if (_cast.Verdict is { } verdict)
        {
            Element("p", verdict.Sentence);
            if (verdict.Gateway.Length > 0) Element("p", verdict.Gateway);
            if (verdict.Advice.Length > 0) Element("p", verdict.Advice);
        }

        if (record.RelayedDropped > 0) Element("p", string.Create(CultureInfo.InvariantCulture, $"{record.RelayedDropped} more packets went over the relay; they are not drawn."));
        if (record.Dropped > 0) Element("p", string.Create(CultureInfo.InvariantCulture, $"The trace was full: what came after its first {record.Entries.Count} entries, {record.Dropped} in number, is missing."));
        if (leftOut > 0) Element("p", string.Create(CultureInfo.InvariantCulture, $"{leftOut} steps behind the last row are not drawn; their packets are in the pcapng file."));
    }

    private void WriteTried()
    {
        if (_cast.Verdict is not { Tried: { IsDefaultOrEmpty: false } tried }) return;
        _xml.WriteStartElement("table");
        WriteCells("th", "method", "packets", "sockets", "time", "what came of it");
        foreach (var one in tried)
        {
            string outcome = one.Detail.Length > 0 ? $"{one.Outcome}: {one.Detail}" : one.Outcome.ToString();
            WriteCells("td", one.Method.Code, Number(one.Packets), Number(one.Sockets), Words.Span(one.Duration), outcome);
        }

        _xml.WriteEndElement();
    }

    private void WriteCells(string element, params ReadOnlySpan<string> cells)
    {
        _xml.WriteStartElement("tr");
        foreach (string cell in cells) Element(element, cell);
        _xml.WriteEndElement();
    }

    private void WriteKey()
    {
        _xml.WriteStartElement("p");
        foreach (var kind in Enum.GetValues<TraceKind>())
        {
            if (kind == TraceKind.Note) continue;
            _xml.WriteStartElement("b");
            _xml.WriteAttributeString("class", $"key-{ClassOf(kind)}");
            _xml.WriteString($"→ {KeyOf(kind)} ");
            _xml.WriteEndElement();
        }

        _xml.WriteString("× lost: no answer came. Where it was lost is inferred; it is drawn at the peer's NAT, which most often is the reason.");
        _xml.WriteEndElement();
    }

    private void WriteRows(IReadOnlyList<TraceStep> rows)
    {
        int height = HeadHeight + (rows.Count + 1) * RowHeight;
        _xml.WriteStartElement("div");
        _xml.WriteAttributeString("class", "chart");
        _xml.WriteStartElement("svg");
        Attributes(("width", Width), ("height", height));
        WriteLanes(height);
        for (int i = 0; i < rows.Count; i++) WriteRow(rows[i], HeadHeight + (i + 1) * RowHeight);
        _xml.WriteEndElement();
        _xml.WriteEndElement();
    }

    private void WriteLanes(int height)
    {
        foreach (var lane in Enum.GetValues<TraceLane>())
        {
            _xml.WriteStartElement("g");
            _xml.WriteAttributeString("class", "head");
            Text(CenterOf(lane), 14, NameOf(lane), null);
            Text(CenterOf(lane), 30, Cut(_cast.CaptionOf(lane), LaneWidth / 6), "who");
            Line(CenterOf(lane), HeadHeight - 8, CenterOf(lane), height, "lane");
            _xml.WriteEndElement();
        }
    }

    private void WriteRow(TraceStep row, int y)
    {
        _xml.WriteStartElement("g");
        _xml.WriteAttributeString("class", row.IsLost ? $"step {ClassOf(row.Kind)} lost" : $"step {ClassOf(row.Kind)}");
        Text(TimeWidth - 34, y + 4, string.Create(CultureInfo.InvariantCulture, $"{row.At.TotalMilliseconds:0.0} ms"), "time");
        int from = CenterOf(row.From), to = CenterOf(row.To);
        if (row.Kind == TraceKind.Note)
        {
            Line(from, y, to, y, null);
        }
        else
        {
            Line(from, y, to, y, null);
            int back = to > from ? -1 : 1;
            if (row.IsLost)
            {
                Line(to - 4, y - 4, to + 4, y + 4, "cross");
                Line(to - 4, y + 4, to + 4, y - 4, "cross");
            }
            else
            {
                _xml.WriteStartElement("polygon");
                _xml.WriteAttributeString("points", string.Create(CultureInfo.InvariantCulture, $"{to},{y} {to + back * 7},{y - 4} {to + back * 7},{y + 4}"));
                _xml.WriteEndElement();
            }
        }

        Text(TextLeft, y + 4, row.Text, null);
        _xml.WriteEndElement();
    }

    private static int CenterOf(TraceLane lane) => TimeWidth + 30 + (int)lane * LaneWidth;

    private static string NameOf(TraceLane lane) => lane switch
    {
        TraceLane.Here => "this peer",
        TraceLane.NatHere => "its NAT",
        TraceLane.Server => "server",
        TraceLane.NatThere => "the peer's NAT",
        TraceLane.There => "the peer",
    };

    private static string ClassOf(TraceKind kind) => kind switch
    {
        TraceKind.Question => "question",
        TraceKind.Answer => "answer",
        TraceKind.Check => "check",
        TraceKind.Probe => "probe",
        TraceKind.Opener => "opener",
        TraceKind.Connection => "connection",
        TraceKind.Control => "control",
        TraceKind.Relay => "relay",
        TraceKind.Note => "note",
    };

    private static string KeyOf(TraceKind kind) => kind switch
    {
        TraceKind.Connection => "TCP connection",
        TraceKind.Control => "control message",
        _ => ClassOf(kind),
    };

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Cut(string text, int length) => text.Length <= length ? text : text[..(length - 1)] + "…";

    private void Text(int x, int y, string text, string? name)
    {
        _xml.WriteStartElement("text");
        Attributes(("x", x), ("y", y));
        if (name is not null) _xml.WriteAttributeString("class", name);
        _xml.WriteString(Safe(text));
        _xml.WriteEndElement();
    }

    /// <summary>Text of somebody else: what XML has no place for is left out.</summary>
    private static string Safe(string text) => string.Concat(Words.Safe(text).EnumerateRunes().Where(static rune => rune.Value is not (0xFFFE or 0xFFFF)));

    private void Line(int x1, int y1, int x2, int y2, string? name)
    {
        _xml.WriteStartElement("line");
        Attributes(("x1", x1), ("y1", y1), ("x2", x2), ("y2", y2));
        if (name is not null) _xml.WriteAttributeString("class", name);
        _xml.WriteEndElement();
    }

    private void Attributes(params ReadOnlySpan<(string Name, int Value)> attributes)
    {
        foreach (var (name, value) in attributes) _xml.WriteAttributeString(name, Number(value));
    }

    private void Element(string name, string text)
    {
        _xml.WriteStartElement(name);
        _xml.WriteString(name == "style" ? text : Safe(text));
        _xml.WriteFullEndElement(); // an empty one would be read as its start by a browser
    }
}
