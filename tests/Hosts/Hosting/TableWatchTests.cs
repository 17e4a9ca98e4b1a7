using System.Text;
using Dkim.Core.Asking;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Files of data sets that change: when they are taken, and what is told of those that cannot be.</summary>
internal sealed class TableWatchTests
{
    private readonly List<string> taken = [];
    private Scratch scratch = null!;
    private SettingsFiles files = null!;
    private TableWatch watch = null!;
    private bool refuses;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        scratch.Write("a", "a1");
        scratch.Write("b", "b1");
        files = new SettingsFiles();
        _ = files.Run(Step.both(Read("a"), Read("b")));
        watch = new TableWatch([Table("a"), Table("b")], files);
        taken.Clear();
        refuses = false;
    }

    [TearDown]
    public void Stop() => scratch.Dispose();

    [Test]
    public void A_file_that_has_changed_is_taken_once_it_stays_as_it_is()
    {
        Assert.That((Look(), Look()), Is.EqualTo(("", "")));
        scratch.Write("a", "half");
        Assert.That(Look(), Is.Empty);
        scratch.Write("a", "half and more");
        Assert.That(Look(), Is.Empty, "it is being written");
        Assert.That(Look(), Is.EqualTo("a=half and more"));
        Assert.That((Look(), Look()), Is.EqualTo(("", "")));
        Assert.That(Text("a"), Is.EqualTo("half and more"));
    }

    [Test]
    public void Another_file_in_its_place_is_taken()
    {
        File.Move(scratch.Write("new", "a2"), scratch.At("a"), overwrite: true);
        Look();
        Assert.That(Look(), Is.EqualTo("a=a2"));
        Assert.That(Text("b"), Is.EqualTo("b1"));
    }

    [Test]
    public void A_file_that_changed_before_the_first_look_is_taken()
    {
        scratch.Write("a", "between");
        var late = new TableWatch([Table("a")], files);
        Look(late);
        Assert.That(Look(late), Is.EqualTo("a=between"));
    }

    [Test]
    public void A_file_that_is_gone_is_told_once_and_taken_when_it_is_back()
    {
        File.Delete(scratch.At("a"));
        Look();
        Assert.That(Look(), Is.EqualTo("a: file not found"));
        Assert.That((Look(), Look()), Is.EqualTo(("", "")));
        Assert.That(Text("a"), Is.EqualTo("a1"), "what was read stays");
        scratch.Write("a", "back");
        Look();
        Assert.That(Look(), Is.EqualTo("a=back"));
        File.Delete(scratch.At("a"));
        Look();
        Assert.That(Look(), Is.EqualTo("a: file not found"), "each time anew");
    }

    [Test]
    public void What_was_refused_is_tried_again_beside_what_has_changed_since()
    {
        refuses = true;
        scratch.Write("a", "a2");
        Look();
        Assert.That(Look(), Is.EqualTo("a=a2"));
        Assert.That((Look(), Look()), Is.EqualTo(("", "")), "told once");
        Assert.That(Text("a"), Is.EqualTo("a1"));
        refuses = false;
        scratch.Write("b", "b2");
        Look();
        Assert.That(Look(), Is.EqualTo("b=b2 a=a2"));
        Assert.That((Text("a"), Text("b")), Is.EqualTo(("a2", "b2")));
    }

    [Test]
    public void A_file_that_cannot_be_read_does_not_keep_another_from_being_taken()
    {
        File.Delete(scratch.At("a"));
        Directory.CreateDirectory(scratch.At("a"));
        scratch.Write("b", "b2");
        Look();
        Assert.That(Look(), Is.EqualTo("a: not a plain file b=b2"));
        Assert.That((Look(), Look()), Is.EqualTo(("", "")));
        Directory.Delete(scratch.At("a"));
        scratch.Write("a", "a2");
        Look();
        Assert.That(Look(), Is.EqualTo("a=a2"));
    }

    [Test]
    public void A_start_that_is_refused_leaves_what_was_found()
    {
        var kept = files.Keep();
        scratch.Write("a", "a2");
        _ = files.Run(Read("a"));
        files.GoBackTo(kept);
        Assert.That((Text("a"), Text("b")), Is.EqualTo(("a1", "b1")));
        var next = new TableWatch([Table("a")], files);
        Look(next);
        Assert.That(Look(next), Is.EqualTo("a=a2"), "what is in force is another");
    }

    private string Look(TableWatch? other = null)
    {
        taken.Clear();
        (other ?? watch).Look(found =>
        {
            taken.AddRange(found.Select(pair => Path.GetFileName(pair.Key.Path) + (pair.Value.Problem.IsSome
                ? $": {pair.Value.Problem.Value}"
                : $"={Encoding.ASCII.GetString(pair.Value.Octets.Span)}")));
            return !refuses;
        });
        return string.Join(' ', taken);
    }

    private string Text(string name) => Encoding.ASCII.GetString(files.Found[Table(name)].Octets.Span);

    private WantedFile Table(string name) => new(scratch.At(name), FileKind.Table);

    private Step<FileContents> Read(string name) => Step.file(FileKind.Table, scratch.At(name));
}
