using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Qmail;

/// <summary>qmail-dk with the set-group-ID bit: it reads keys that its caller cannot, and gives nobody its rights.</summary>
internal sealed class PrivilegeTests
{
    private const string Message = "From: joe@example.org\nSubject: x\n\nbody\n";

    // Some group that nobody is in, and the user and group of a qmail-smtpd.
    private const string KeyGroup = "64242";
    private const string Caller = "setpriv --reuid=64001 --regid=64002 --clear-groups";

    private Chain chain = null!;
    private string program = null!;

    [SetUp]
    public void Install()
    {
        Tools.RequireRoot();
        if (!Chain.IsNative)
        {
            Assert.Ignore("left out: it needs the native program");
        }

        chain = new Chain();
        program = chain.At("qmail-dk");
        File.Copy(Chain.Program, program);
        chain.Write("install", $"""
            set -e
            mkdir -p '{chain.At("etc")}' && cp /etc/passwd /etc/group /etc/ld.so.cache '{chain.At("etc")}'
            mv '{chain.At("keys")}' '{chain.At("etc/domainkeys")}'
            chgrp -R {KeyGroup} '{chain.At("etc/domainkeys")}' '{program}'
            chmod 2755 '{program}'
            chmod 755 '{chain.At("")}' && chmod 750 '{chain.At("etc/domainkeys")}' '{chain.At("etc/domainkeys/example.org")}'
            chmod 640 '{chain.At("etc/domainkeys/example.org/default")}'
            chmod 777 '{chain.At("queue")}'
            """);
        Tools.Run("/", "/bin/sh", chain.At("install"));
        // Where the program looks whatever its caller says.
        chain.Write("place", $"""
            mount -t tmpfs none /var && mkdir -p /var/qmail && mount --bind '{chain.At("home")}' /var/qmail \
              && mount --bind '{chain.At("etc")}' /etc && exec {Caller} "$@"
            """);
    }

    [TearDown]
    public void Remove() => chain?.Dispose();

    [Test]
    public void Mail_is_signed_with_a_key_that_the_caller_cannot_read_and_the_next_program_has_the_callers_ids()
    {
        var ended = chain.Shell(Line(program), Message, "RELAYCLIENT=");
        Assert.That(ended.Code, Is.Zero);
        Assert.That(ended.Only.Text, Does.Contain("DomainKey-Signature: "));
        Assert.That(ended.Only.Info, Has.One.Match("^Uid:(\t64001){4}$"));
        Assert.That(ended.Only.Info, Has.One.Match("^Gid:(\t64002){4}$"));
        Assert.That(chain.Shell(Line($"/bin/cat '{chain.At("etc/domainkeys/example.org/default")}'") + " 2>/dev/null", "").Code, Is.Not.Zero);
    }

    // qmail-smtpd, and a user of this host, by whom mail comes in where a key is only qmail's.
    [TestCase("64001", "64002")]
    [TestCase("64003", "64003")]
    public void A_key_that_cannot_be_read_is_told_of_with_who_could_not(string user, string group)
    {
        Tools.Run("/", "/bin/chmod", "755", program);
        var caller = Caller.Replace("64001", user).Replace("64002", group);
        chain.Write("place", File.ReadAllText(chain.At("place")).Replace(Caller, caller));
        var ended = chain.Shell(Line(program), Message, "RELAYCLIENT=");
        Assert.That((ended.Code, ended.Queued.Count), Is.EqualTo((55, 0)));
        Assert.That(
            ended.Said,
            Is.EqualTo(
                "qmail-dk: the key /etc/domainkeys/example.org/default cannot be read: Permission denied "
                + $"(user {user}, group {group}); give it to a group of its own, and qmail-dk that group and mode 2755\n"));
    }

    [TestCase("DKQUEUE")]
    [TestCase("DKIMQUEUE")]
    public void The_next_program_is_none_of_the_callers_choice(string variable)
    {
        chain.Write("spy", $"#!/bin/sh\nid -g > '{chain.At("queue/seen")}'\n");
        Tools.Run("/", "/bin/chmod", "755", chain.At("spy"));
        var ended = chain.Shell(Line(program), Message, "RELAYCLIENT=", $"{variable}={chain.At("spy")}");
        Assert.That(ended.Code, Is.Zero);
        Assert.That(ended.Queued, Has.Count.EqualTo(1));
        Assert.That(File.Exists(chain.At("queue/seen")), Is.False);
    }

    [Test]
    public void A_key_of_the_callers_choice_is_not_used()
    {
        chain.Write("stolen", File.ReadAllText(chain.At("etc/domainkeys/example.org/default")));
        Tools.Run("/", "/bin/chgrp", KeyGroup, chain.At("stolen"));
        var ended = chain.Shell(Line(program), Message, "RELAYCLIENT=", $"DKSIGN={chain.At("stolen")}");
        Assert.That(ended.Only.Text, Does.Contain("DomainKey-Signature: ").And.Contains("s=default"));
    }

    private string Line(string command) =>
        $"exec unshare -m /bin/sh '{chain.At("place")}' {command} <\"$MESSAGE\" 1<\"$ENVELOPE\"";
}
