namespace Dkim.ToolHost.Demo;

/// <summary>Writes the demonstration, with colour on a terminal only.</summary>
internal sealed class Screen(TextWriter output, bool colour)
{
    private const string Bold = "1";
    private const string Green = "32";
    private const string Red = "31";
    private const string Faint = "2";

    public void Title(string text) => output.WriteLine("\n" + Paint(Bold, text));

    public void Step(string text) => output.WriteLine(Paint(Faint, "  " + text));

    /// <summary>Lines as they are, set in; results stand out.</summary>
    public void Text(string text)
    {
        foreach (var line in text.TrimEnd('\n').Split('\n'))
        {
            var visible = string.Concat(line.Select(Visible));
            output.WriteLine("    " + visible
                .Replace("dkim=pass", Paint(Green, "dkim=pass"), StringComparison.Ordinal)
                .Replace("dkim=fail", Paint(Red, "dkim=fail"), StringComparison.Ordinal));
        }
    }

    public void Verdict(bool good, string text) => output.WriteLine("\n" + Paint(good ? Green : Red, text));

    private static char Visible(char c) => c == '\t' || !char.IsControl(c) ? c : '?';

    private string Paint(string code, string text) => colour ? $"\e[{code}m{text}\e[0m" : text;
}
