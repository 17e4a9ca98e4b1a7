using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Programs;

/// <summary>The rooms of the larger hosts, a folder and a namespace each: which uses which, and what stands where.</summary>
[TestFixture("Hosting")]
[TestFixture("MilterHost")]
[TestFixture("ProxyHost")]
public sealed partial class RoomTests(string host)
{
    private const int MostFiles = 12;
    private static readonly string hosts = Path.Combine(Tree.Root(), "hosts");
    private readonly string place = Path.Combine(hosts, host);

    [Test]
    public void No_room_uses_one_that_uses_it()
    {
        var uses = Rooms().ToDictionary(room => room, Used);
        var known = new HashSet<string>();
        while (uses.FirstOrDefault(room => !known.Contains(room.Key) && room.Value.All(known.Contains)).Key is { } next)
        {
            known.Add(next);
        }

        Assert.That(
            uses.Where(room => !known.Contains(room.Key)).Select(room => $"{room.Key} uses {string.Join(", ", room.Value)}"),
            Is.Empty,
            "each of these stands in a circle or on one");
    }

    [Test]
    public void What_is_beside_the_rooms_uses_none_but_for_Program() =>
        Assert.That(File.Exists(Path.Combine(place, "Program.cs")) ? [] : Used(""), Is.Empty);

    [Test]
    public void A_room_has_a_dozen_files_at_most() =>
        Assert.That(Rooms().Where(room => Directory.GetFiles(Path.Combine(place, room), "*.cs").Length > MostFiles), Is.Empty);

    [Test]
    public void A_file_is_in_the_namespace_of_its_room()
    {
        foreach (var room in Rooms())
        {
            foreach (var file in Directory.GetFiles(Path.Combine(place, room), "*.cs"))
            {
                Assert.That(File.ReadLines(file), Does.Contain($"namespace Dkim.{host}.{room};"), file);
            }
        }
    }

    [Test]
    public void Only_Native_declares_what_other_libraries_export() =>
        Assert.That(
            Tree.Sources(hosts, "*.cs")
                .Where(file => Imports().IsMatch(File.ReadAllText(file)))
                .Select(file => Path.GetRelativePath(hosts, Path.GetDirectoryName(file)!))
                .Distinct(),
            Is.EqualTo(["Hosting/Native"]));

    [Test]
    public void Every_declaration_says_what_the_call_does()
    {
        foreach (var file in Directory.GetFiles(Path.Combine(hosts, "Hosting", "Native"), "*.cs"))
        {
            var lines = File.ReadAllLines(file);
            var bare = lines.Where((line, number) => Imports().IsMatch(line)
                && !lines[number - 1].EndsWith("</summary>", StringComparison.Ordinal));
            Assert.That(bare, Is.Empty, file);
        }
    }

    private IEnumerable<string> Rooms() => Directory.GetDirectories(place)
        .Select(path => Path.GetFileName(path))
        .Where(name => name is not ("bin" or "obj"));

    // By a using, or by a name that begins with the room's, which the namespace above makes known.
    private string[] Used(string room)
    {
        var text = string.Concat(Directory.GetFiles(Path.Combine(place, room), "*.cs").Select(File.ReadAllText));
        var code = Comments().Replace(text, "");
        return [.. Rooms().Where(other => other != room
            && Regex.IsMatch(code, $@"\bDkim\.{host}\.{other}\b|(?<![\w.""]){other}\.[A-Z]"))];
    }

    [GeneratedRegex(@"\[(Dll|Library)Import\b")]
    private static partial Regex Imports();

    [GeneratedRegex(@"//[^\n]*")]
    private static partial Regex Comments();
}
