using System.Text;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Files that hold secrets, and files that change.</summary>
public sealed class FileTests
{
    private const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private Scratch scratch = null!;

    [SetUp]
    public void Start() => scratch = new Scratch();

    [TearDown]
    public void Stop() => scratch.Dispose();

    [Test]
    public void A_private_file_is_read_without_complaint()
    {
        var content = PrivateFile.Read(scratch.Write("key", "secret", Private), Strictness.Refuse);
        Assert.That(Encoding.ASCII.GetString(content.Octets), Is.EqualTo("secret"));
        Assert.That(content.Warnings, Is.Empty);
    }

    [Category("RFC6376-8.3-1")]
    [TestCase(UnixFileMode.OtherRead, "0604", "read by everyone", "0600")]
    [TestCase(UnixFileMode.OtherWrite, "0602", "changed by everyone", "0600")]
    [TestCase(UnixFileMode.GroupRead | UnixFileMode.OtherRead, "0644", "read by everyone", "0640")]
    [TestCase(UnixFileMode.GroupWrite | UnixFileMode.GroupRead, "0660", "changed by group 0", "0640")]
    public void A_loose_mode_is_named_with_its_remedy(UnixFileMode more, string mode, string what, string remedy)
    {
        var path = scratch.Write("key", "secret", Private | more);
        var expected = $"{path}: mode {mode}, so it can be {what}; chmod {remedy} {path}";
        Assert.That(PrivateFile.Read(path, Strictness.Warn).Warnings, Is.EqualTo(new[] { expected }));
        Assert.That(
            () => PrivateFile.Read(path, Strictness.Refuse),
            Throws.InstanceOf<FileRefusedException>().With.Message.EqualTo(expected));
    }

    [Test]
    [Category("RFC6376-8.3-1")]
    public void A_group_may_read_when_it_is_the_service_s_own()
    {
        Tools.RequireRoot();
        var path = scratch.Write("key", "secret", Private | UnixFileMode.GroupRead);
        Tools.Run("/", "/bin/chgrp", "daemon", path);
        Assert.That(PrivateFile.Read(path, Strictness.Warn).Warnings.Single(), Does.Contain("read by group 1"));
        Assert.That(PrivateFile.Read(path, Strictness.Warn, Account.Find("nobody", "daemon")).Warnings, Is.Empty);
    }

    // Who reads the key before reads it after: owner, group, mode, who uses it, and what to do.
    [TestCase("0:0", "644", "nobody:daemon", "chgrp 1 KEY && chmod 0640 KEY")]
    [TestCase("0:1", "644", "nobody:daemon", "chmod 0640 KEY")]
    [TestCase("0:1", "604", "nobody:daemon", "chmod 0640 KEY")]
    [TestCase("0:2", "640", "nobody:daemon", "chgrp 1 KEY && chmod 0640 KEY")]
    [TestCase("65534:1", "644", "nobody:daemon", "chmod 0640 KEY")]
    [TestCase("65534:2", "640", "nobody:daemon", "chmod 0600 KEY")]
    [TestCase("0:0", "644", "root:root", "chmod 0640 KEY")]
    [TestCase("0:2", "640", "root:root", "chmod 0600 KEY")]
    [TestCase("0:200", "640", "", null)]
    [TestCase("0:200", "644", "", "chmod 0640 KEY")]
    [TestCase("200:0", "604", "", "chmod 0600 KEY")]
    [TestCase("0:0", "644", "", "chgrp GROUP-OF-THE-SERVICE KEY && chmod 0640 KEY")]
    [TestCase("0:1000", "640", "", "chgrp GROUP-OF-THE-SERVICE KEY && chmod 0640 KEY")]
    public void Advice_breaks_nothing_that_works(string owners, string mode, string user, string? remedy)
    {
        Tools.RequireRoot();
        var path = scratch.Write("key", "secret", Private);
        Tools.Run("/", "/bin/chown", owners, path);
        Tools.Run("/", "/bin/chmod", mode, path);
        var account = user.Length > 0 ? Account.Find(user.Split(':')[0], user.Split(':')[1]) : null;
        var warnings = PrivateFile.Read(path, Strictness.Warn, account, ofServices: account is null).Warnings;
        Assert.That(
            warnings.Select(warning => warning[(warning.IndexOf("; ", StringComparison.Ordinal) + 2)..]),
            Is.EqualTo(remedy is null ? (string[])[] : [remedy.Replace("KEY", path)]));
    }

    // Advice that a service could no longer read its key after: not of a tool, which does not know the service.
    [TestCase("0:200", true)]
    [TestCase("200:0", true)]
    [TestCase("0:100", false)]
    [TestCase("0:1000", false)]
    [TestCase("1000:0", false)]
    [Category("RFC6376-8.3-1")]
    public void A_tool_takes_users_and_groups_of_services(string owners, bool isTaken)
    {
        Tools.RequireRoot();
        var path = scratch.Write("key", "secret", Private | UnixFileMode.GroupRead);
        Tools.Run("/", "/bin/chown", owners, path);
        Assert.That(PrivateFile.Read(path, Strictness.Warn).Warnings, Has.Count.EqualTo(1));
        Assert.That(PrivateFile.Read(path, Strictness.Warn, ofServices: true).Warnings, Has.Count.EqualTo(isTaken ? 0 : 1));
    }

    [Test]
    [Category("RFC6376-8.3-1")]
    public void A_file_of_another_user_is_named()
    {
        Tools.RequireRoot();
        var path = scratch.Write("key", "secret", Private);
        Tools.Run("/", "/bin/chown", "nobody", path);
        var warning = PrivateFile.Read(path, Strictness.Warn).Warnings.Single();
        Assert.That(warning, Does.StartWith($"{path}: it belongs to user 65534"));
        Assert.That(PrivateFile.Read(path, Strictness.Warn, Account.Find("nobody")).Warnings, Is.Empty);
    }

    [Test]
    [Category("RFC6376-8.3-1")]
    public void A_directory_that_others_can_write_is_named()
    {
        var directory = Directory.CreateDirectory(scratch.At("open")).FullName;
        var inner = Directory.CreateDirectory(Path.Combine(directory, "inner")).FullName;
        var path = scratch.Write("open/inner/key", "secret", Private);
        File.SetUnixFileMode(directory, (UnixFileMode)0x1FF);
        Assert.That(PrivateFile.Read(path, Strictness.Warn).Warnings.Single(), Does.Contain($"{directory} has mode 0777"));
        File.SetUnixFileMode(directory, (UnixFileMode)0x3FF);
        Assert.That(PrivateFile.Read(path, Strictness.Warn).Warnings, Is.Empty, "sticky, like /tmp");

        // Through a link it is the directory of the target that counts as well.
        File.SetUnixFileMode(inner, (UnixFileMode)0x1FF);
        File.CreateSymbolicLink(scratch.At("link"), path);
        var warning = PrivateFile.Read(scratch.At("link"), Strictness.Warn).Warnings.Single();
        Assert.That(warning, Does.Contain($"{inner} has mode 0777"));
    }

    [Test]
    public void What_is_no_plain_file_is_refused()
    {
        Tools.Run("/", "/usr/bin/mkfifo", scratch.At("pipe"));
        foreach (var path in (string[])[scratch.At("pipe"), scratch.Root, "/dev/zero"])
        {
            Assert.That(
                () => PrivateFile.Read(path, Strictness.Warn),
                Throws.InstanceOf<FileRefusedException>().With.Message.Contains("not a plain file"));
        }

        Assert.That(
            () => PrivateFile.Read(scratch.At("none"), Strictness.Warn),
            Throws.InstanceOf<FileRefusedException>().With.Message.EndsWith("none: No such file or directory"));
        Assert.That(() => PrivateFile.Read("a\0b", Strictness.Warn), Throws.InstanceOf<FileRefusedException>());
    }

    [Test]
    public void A_file_over_the_bound_is_refused()
    {
        var path = scratch.Write("key", new string('x', 101), Private);
        Assert.That(() => PrivateFile.Read(path, Strictness.Warn, maxLength: 100), Throws.InstanceOf<FileRefusedException>());
        Assert.That(PrivateFile.Read(path, Strictness.Warn, maxLength: 101).Octets, Has.Length.EqualTo(101));
    }

    [Test]
    public void A_mark_tells_another_file_from_the_same()
    {
        var path = scratch.Write("key", "one", Private);
        var mark = FileMark.Of(path);
        Assert.That(mark.ChangeTo(FileMark.Of(path)), Is.EqualTo(SecretChange.Same));
        File.WriteAllText(path, "two");
        Assert.That(mark.ChangeTo(FileMark.Of(path)), Is.EqualTo(SecretChange.Changed));
        var changed = FileMark.Of(path);
        File.WriteAllText(scratch.At("new"), "two");
        File.SetLastWriteTimeUtc(scratch.At("new"), File.GetLastWriteTimeUtc(path));
        File.Move(scratch.At("new"), path, overwrite: true);
        Assert.That(changed.ChangeTo(FileMark.Of(path)), Is.EqualTo(SecretChange.Changed), "a file with the same looks");
        File.Delete(path);
        Assert.That(FileMark.Of(path).IsGone);
        Assert.That(changed.ChangeTo(FileMark.Of(path)), Is.EqualTo(SecretChange.Changed));
        Assert.That(changed.ChangeTo(FileMark.Of(scratch.Write("plain", "") + "/below")), Is.EqualTo(SecretChange.Hidden));
    }
}
