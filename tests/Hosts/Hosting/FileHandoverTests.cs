using System.Globalization;
using System.Text;
using Dkim.Core.Asking;
using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Filters.Settings;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using Dkim.MilterHost.Connections;
using Dkim.MilterHost.Running;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Files that a process hands to its copies, named by a variable of this process.</summary>
[NonParallelizable]
internal sealed class FileHandoverTests
{
    // What the handover writes last: the place and the length of the files that hold.
    private const int Head = 16;
    private static readonly WantedFile file = new("conf", FileKind.Configuration);
    private Scratch scratch = null!;

    [SetUp]
    public void Start() => scratch = new Scratch();

    [TearDown]
    public void Stop() => scratch.Dispose();

    [Test]
    public void A_copy_gets_the_files_of_the_start_and_once_some_were_left_those_as_well()
    {
        using var handed = Handover("start");
        Assert.That(Taken(Memory(handed)), Is.EqualTo(("start", (string?)null)));
        Leave(handed, "later");
        Assert.That(Taken(Memory(handed)), Is.EqualTo(("start", "later")));
    }

    [Test]
    public void Files_that_were_left_in_part_do_not_count()
    {
        using var handed = Handover("start");
        string? before = null;
        foreach (var length in (int[])[40, 10, 70, 5, 5, 200, 1])
        {
            var old = Memory(handed);
            var text = new string((char)('a' + (length % 26)), length);
            Leave(handed, text);
            var whole = Memory(handed);
            for (var written = Head; written <= whole.Length; written++)
            {
                // The head as it was, and the first octets of what was written.
                byte[] partly = [.. old[..Head], .. whole[Head..written], .. old.Skip(written)];
                Assert.That(Taken(partly), Is.EqualTo(("start", before)), $"{written} of {whole.Length} octets");
            }

            Assert.That(Taken(whole), Is.EqualTo(("start", text)));
            before = text;
        }
    }

    [Test]
    public void Files_left_again_and_again_take_no_more_room()
    {
        using var handed = Handover("start");
        for (var time = 0; time < 100; time++)
            Leave(handed, new string('x', 1000));
        Assert.That(Memory(handed), Has.Length.LessThan(3000));
    }

    private static FileHandover Handover(string text)
    {
        var files = new SettingsFiles();
        files.Found[file] = FileContents.Found(Encoding.ASCII.GetBytes(text));
        return new FileHandover(files);
    }

    private static void Leave(FileHandover handed, string text)
    {
        handed.Files.Found[file] = FileContents.Found(Encoding.ASCII.GetBytes(text));
        handed.Leave(isLater: true);
    }

    private static byte[] Memory(FileHandover handed)
    {
        var descriptors = new List<int>();
        handed.Announce(new Dictionary<string, string>(), descriptors);
        return File.ReadAllBytes($"/proc/self/fd/{descriptors.Single()}");
    }

    // What a copy would get out of such a memory: the file of the start, and the one that was left.
    private (string Start, string? Left) Taken(byte[] memory)
    {
        File.WriteAllBytes(scratch.At("memory"), memory);
        var descriptor = File.OpenHandle(scratch.At("memory"));
        Environment.SetEnvironmentVariable(
            "HOST_FILES_DESCRIPTOR", descriptor.DangerousGetHandle().ToString(CultureInfo.InvariantCulture));
        descriptor.SetHandleAsInvalid();
        using var handed = FileHandover.Take()!;
        var start = Supplied(handed.Files);
        return (start, handed.Files.TakeLeft() ? Supplied(handed.Files) : null);
    }

    private static string Supplied(SettingsFiles files)
    {
        _ = files.Run(Filters.Dkim(["-x", file.Path], new FilterMachine("dkim-filter", "mx.example.org", "dkim", false)));
        return Encoding.ASCII.GetString(files.Found[file].Octets.Span);
    }
}
