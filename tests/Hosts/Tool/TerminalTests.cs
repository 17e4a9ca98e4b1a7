using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tool;

/// <summary>dkim on a terminal, which script(1) makes, and what it tells shells.</summary>
public sealed class TerminalTests
{
    private const string Message =
        "From: Ann <ann@example.com>\r\nSubject: hello\r\nDKIM-Signature: v=1; a=rsa-sha256; \u001b[31mred\u001b[0m\r\n\r\nHello.\r\n";

    private Scratch scratch = null!;

    [SetUp]
    public void MakeScratch() => scratch = new Scratch();

    [TearDown]
    public void RemoveScratch() => scratch.Dispose();

    [TestCase("TERM=xterm", true)]
    [TestCase("TERM=dumb", false)]
    [TestCase("TERM=xterm NO_COLOR=1", false)]
    [TestCase("TERM=xterm NO_COLOR=", true)]
    public void Colour_is_for_terminals_whose_users_want_it(string environment, bool coloured)
    {
        var seen = OnTerminal($"env -u NO_COLOR {environment} ./dkim explain mail.eml");
        Assert.That(seen, coloured ? Does.Contain("\u001b[1;31mNO\u001b[0m") : Does.Not.Contain("\u001b"));
        Assert.That(seen, Does.Not.Contain("\u001b[31mred"));
    }

    [Test]
    public void Who_asks_for_colour_gets_it_anywhere_and_who_does_not_want_it_nowhere()
    {
        scratch.Write("mail.eml", Message);
        Assert.That(Dkim("explain", "mail.eml").Output, Does.Not.Contain("\u001b"));
        var coloured = Dkim("explain", "--color=always", "mail.eml").Output;
        Assert.That(coloured, Does.Contain("\u001b[1;31mNO\u001b[0m").And.Not.Contain("\u001b[31mred"));
        // A pager shows any line by itself.
        foreach (var line in coloured.Split('\n'))
            Assert.That(line.Split("\u001b[").Length % 2, Is.EqualTo(1), line);
        Assert.That(OnTerminal("env TERM=xterm ./dkim explain --color=never mail.eml"), Does.Not.Contain("\u001b"));
    }

    [TestCase(50)]
    [TestCase(120)]
    public void Sentences_end_where_the_terminal_does(int columns)
    {
        var seen = OnTerminal($"stty cols {columns} && env TERM=dumb ./dkim explain mail.eml");
        var advice = seen.ReplaceLineEndings("\n").Split("What to do:\n")[1].Split("\n\n")[0].TrimEnd('\n').Split('\n');
        Assert.That(advice.Max(line => line.Length), Is.LessThanOrEqualTo(columns).And.GreaterThan(columns / 2), seen);
    }

    [TestCase("dkim ver", "verify")]
    [TestCase("dkim verify --line-ends=", "auto crlf lf")]
    [TestCase("dkim verify --line-ends c", "crlf")]
    [TestCase("dkim explain --ht", "--html")]
    [TestCase("dkim explain --html pa", "page")]
    [TestCase("dkim explain ma", "mail.eml")]
    [TestCase("dkim explain --now ma", "")]
    [TestCase("dkim completions ", "bash zsh fish")]
    [TestCase("dkim help post", "postfix")]
    public void Bash_completes_what_the_program_takes(string line, string expected)
    {
        ToolRun.Link(scratch, "dkim");
        scratch.Write("mail.eml", Message);
        scratch.Write("page", "");
        // bash makes words of a line at = as well.
        const string Script =
            "source <(./dkim completions bash); line=${1//=/ = }; read -ra COMP_WORDS <<< \"$line\"; "
            + "[[ $line != *\\  ]] || [[ $line == *'= ' ]] || COMP_WORDS+=(''); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _dkim; echo \"${COMPREPLY[*]}\"";
        var told = ToolRun.Start(scratch, "/bin/bash", "", "-c", Script, "bash", line);
        Assert.That((told.Output.Trim(), told.Error), Is.EqualTo((expected, "")));
    }

    [TestCase("zsh", "zsh")]
    [TestCase("fish", "fish")]
    public void Other_shells_read_theirs(string shell, string package)
    {
        var program = Tools.RequireProgram(shell, package);
        scratch.Write("completion", Dkim("completions", shell).Output);
        var told = ToolRun.Start(scratch, program, "", "-n", "completion");
        Assert.That((told.Code, told.Error), Is.EqualTo((0, "")));
    }

    private string OnTerminal(string command)
    {
        ToolRun.Link(scratch, "dkim");
        scratch.Write("mail.eml", Message);
        return ToolRun.Start(scratch, "/usr/bin/script", "", "-qec", command, "/dev/null").Output;
    }

    private ToolRun.Ended Dkim(params string[] arguments) => ToolRun.Run(scratch, "dkim", "", arguments);
}
