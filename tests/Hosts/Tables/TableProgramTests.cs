using System.Diagnostics;
using System.Globalization;
using Dkim.Core.Stores;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tool;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>dkim-tables as a process: how it begins and ends.</summary>
internal sealed class TableProgramTests
{
    private static readonly Store nowhere = Store.NewBerkeley("/nonexistent/rows.db");

    [Test]
    public async Task Only_the_end_of_its_input_ends_it()
    {
        using var tables = new TableProcess();
        tables.Open(1, nowhere);
        await tables.AskAsync(1, "a");
        foreach (var signal in new[] { "INT", "TERM", "HUP" })
        {
            Tools.Run("/", "/bin/kill", "-" + signal, tables.Process.Id.ToString(CultureInfo.InvariantCulture));
            Assert.That(await tables.AskAsync(1, "a"), Has.Length.EqualTo(1), signal);
        }

        var watch = Stopwatch.StartNew();
        Assert.That(tables.End(), Is.EqualTo((0, "")));
        Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(2));
    }

    [TestCase("7fffffff")]
    [TestCase("ffffffff")]
    [TestCase("00000000")]
    [TestCase("0000000178")]
    public void A_frame_that_is_none_ends_it_with_65(string octets)
    {
        using var tables = new TableProcess();
        tables.SendRaw(Convert.FromHexString(octets));
        Assert.That(tables.Ended(), Is.EqualTo((65, "dkim-tables: standard input is not from a filter\n")));
    }

    [Test]
    public void Other_arguments_are_told_what_it_is()
    {
        using var scratch = new Scratch();
        var ended = ToolRun.Start(scratch, TableProcess.Program, "", "--help");
        Assert.That(ended.Code, Is.EqualTo(64));
        Assert.That(ended.Error, Does.StartWith("dkim-tables asks databases and directories for opendkim"));
    }

    [Test]
    public async Task It_becomes_the_user_before_it_reads_and_keeps_its_memory_to_itself()
    {
        Tools.RequireRoot();
        using var tables = new TableProcess("--user", "nobody");
        tables.Open(1, nowhere);
        await tables.AskAsync(1, "a");
        var status = File.ReadAllLines($"/proc/{tables.Process.Id}/status");
        Assert.That(status, Does.Contain("Uid:\t65534\t65534\t65534\t65534").And.Contain("Gid:\t65534\t65534\t65534\t65534"));
        Assert.That(File.ReadAllText($"/proc/{tables.Process.Id}/limits"), Does.Match("Max core file size +0 +0 "));
        Assert.That(tables.End(), Is.EqualTo((0, "")));
    }

    [Test]
    public void A_user_that_is_not_there_is_an_error_of_the_start()
    {
        using var tables = new TableProcess("--user", "nosuchuser");
        var (code, error) = tables.Ended();
        Assert.That(code, Is.Not.Zero);
        Assert.That(error, Is.EqualTo("dkim-tables: there is no user \"nosuchuser\"\n"));
    }

    [Test]
    public async Task A_store_that_nothing_can_be_made_of_is_unavailable()
    {
        using var tables = new TableProcess();
        tables.Open(1, Store.NewLines(new string('x', 300), 0));
        tables.Open(2, Store.NewLmdb("/nonexistent"), -5);
        Assert.That((await tables.AskAsync(1, "a"))[0], Does.StartWith("unavailable: "));
        Assert.That((await tables.AskAsync(2, "a"))[0], Does.StartWith("unavailable: "));
    }
}
