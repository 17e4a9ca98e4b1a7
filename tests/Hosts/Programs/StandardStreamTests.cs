using System.Diagnostics;
using Dkim.Hosting;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Milter;
using Dkim.Tests.Hosts.Proxy;
using Dkim.Tests.Hosts.Tool;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Programs;

/// <summary>What programs do to the terminals, pipes and files that they write to.</summary>
public sealed class StandardStreamTests
{
    private const string Message = "From: Ann <ann@example.com>\r\nSubject: hello\r\n\r\nHello.\r\n";

    private Scratch scratch = null!;

    [SetUp]
    public void MakeScratch() => scratch = new Scratch();

    [TearDown]
    public void RemoveScratch() => scratch.Dispose();

    // What it is called with, and a piece of what it then says.
    private static readonly TestCaseData[] calls =
    [
        .. OwnPrograms.Names.Select(name => new TestCaseData(name, "--version", "runtime .NET")),
        new("dkimproxy.out", "--help", "Usage: dkimproxy.out"),
        new("dkimproxy.in", "--help", "Usage: dkimproxy.in"),
        new("dkimproxy.in", "--nonsense", "nonsense"),
        new("dkimproxy.in", "--check --relay 127.0.0.1:10 --listen 127.0.0.1:11", "no problems"),
        new("dkim-filter", "-Z", "usage: dkim-filter"),
        new("dkim-filter", "-V", "Sendmail DKIM Filter"),
        new("dkim-filter", "-n -b v", "Socket"),
        new("dk-filter", "-Z", "usage: dk-filter"),
        new("dkim", "--help", "Usage: dkim"),
        new("dkim", "sign --help", "--selector"),
        new("dkim", "verify missing", "no such file"),
        new("dkim", "verify message", "no signatures"),
        new("dkim-genkey", "--help", "--selector"),
        new("dkim-testkey", "", "usage: dkim-testkey"),
        new("dknewkey", "", "usage: dknewkey"),
    ];

    [TestCaseSource(nameof(calls))]
    public void Nothing_but_text_is_written_to_a_terminal(string name, string arguments, string known)
    {
        scratch.Write("message", Message);
        var seen = OnTerminal($"{OwnPrograms.Link(scratch, name)} {arguments}");
        Assert.That(seen, Does.Contain(known));
        Assert.That(seen, Has.None.Matches<char>(c => char.IsControl(c) && c is not ('\r' or '\n' or '\t')), seen);
    }

    [Test]
    public void A_message_is_read_from_a_terminal()
    {
        var script = Tools.RequireProgram("script", "bsdutils");
        var dkim = OwnPrograms.Link(scratch, "dkim");
        // The end of a terminal's input is the character 4 at the start of a line.
        var ended = ToolRun.Start(
            scratch, script, "Subject: hello\n\nHello.\n\u0004", "-qec", $"{dkim} verify", "/dev/null");
        Assert.That(ended.Output, Does.Contain("-: no signatures").And.Not.Contain("\e"));
    }

    [Test]
    public void The_demonstration_is_coloured_and_leaves_the_terminal_as_it_was()
    {
        ProxyProcess.Link(scratch, "bin/dkimproxy.out");
        ProxyProcess.Link(scratch, "bin/dkimproxy.in");
        var demo = $"env TERM=xterm DKIM_BIN={scratch.At("bin")} {ToolRun.Link(scratch, "bin/dkim")} demo";
        var seen = OnTerminal("stty -a > before; " + demo + "; stty -a > after");
        Assert.That(seen, Does.Contain("\e[32msigned and verified; the change was found\e[0m"));
        var others = System.Text.RegularExpressions.Regex.Replace(seen, "\e\\[[0-9]+m", "");
        Assert.That(others, Does.Not.Contain("\e"));
        Assert.That(File.ReadAllText(scratch.At("after")), Is.EqualTo(File.ReadAllText(scratch.At("before"))));
        Assert.That(OnTerminal("env NO_COLOR=1 " + demo), Does.Not.Contain("\e"));
    }

    [Test]
    public void Output_that_cannot_be_written_is_told_of([ValueSource(typeof(OwnPrograms), nameof(OwnPrograms.Names))] string name)
    {
        var program = OwnPrograms.Link(scratch, name);
        foreach (var (where, why) in (ReadOnlySpan<(string, string)>)
            [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")])
        {
            var ended = ToolRun.Start(scratch, "/bin/sh", "", "-c", $"exec \"$0\" --version {where}", program);
            Assert.That(ended.Code, Is.EqualTo(StandardStreams.OutputFault), ended.Error);
            Assert.That(ended.Error, Does.EndWith($": standard output: {why}\n").And.Not.Contain("   at "));
        }
    }

    [Test]
    public void A_reader_that_has_gone_ends_the_program_without_a_word()
    {
        var many = string.Concat(Enumerable.Repeat("A line of a long message.\r\n", 100_000));
        ToolRun.Run(scratch, "dkim", "", "genkey", "--selector=s", "--domain=example.com", "--bits=1024");
        const string Line =
            "\"$0\" sign --key s.private --selector s --domain example.com --message | head -c 10; echo \" ${PIPESTATUS[0]}\"";
        var ended = ToolRun.Start(scratch, "/bin/bash", Message + many, "-c", Line, scratch.At("dkim"));
        Assert.That((ended.Output, ended.Error), Is.EqualTo(($"DKIM-Signa {StandardStreams.OutputFault}\n", "")));
    }

    [Test]
    public unsafe void A_pipe_that_does_not_block_is_waited_for()
    {
        var ends = stackalloc int[2];
        Assert.That(Libc.pipe2(ends, Libc.O_NONBLOCK), Is.Zero);
        var (from, to) = (ends[0], ends[1]);
        var full = Fill(to);
        var octets = new byte[300_000];
        Random.Shared.NextBytes(octets);
        var writing = Task.Run(() =>
        {
            new DescriptorStream(to).Write(octets);
            _ = Libc.close(to);
        });
        var read = ReadAll(from);
        Assert.That(writing.IsCompletedSuccessfully || writing.Wait(60_000));
        Assert.That(read[full..], Is.EqualTo(octets));
        _ = Libc.close(from);
    }

    private static unsafe int Fill(int pipe)
    {
        var octets = stackalloc byte[512];
        var count = 0;
        while (Libc.write(pipe, octets, 512) is var written and > 0)
            count += (int)written;
        Assert.That(Libc.LastError, Is.EqualTo(Libc.EAGAIN));
        return count;
    }

    private static unsafe byte[] ReadAll(int pipe)
    {
        using var all = new MemoryStream();
        var buffer = new byte[65536];
        while (true)
        {
            fixed (byte* start = buffer)
            {
                var count = Libc.read(pipe, start, (nuint)buffer.Length);
                if (count == 0)
                    return all.ToArray();
                if (count > 0)
                    all.Write(buffer, 0, (int)count);
                else
                    Assert.That(Libc.WaitsAfter(Libc.LastError, pipe, Libc.POLLIN), "it can be read");
            }
        }
    }

    private string OnTerminal(string command)
    {
        var script = Tools.RequireProgram("script", "bsdutils");
        return ToolRun.Start(scratch, script, "", "-qec", command, "/dev/null").Output;
    }
}
