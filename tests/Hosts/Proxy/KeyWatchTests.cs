using System.Security.Cryptography;
using Dkim.Core.Programs.Proxies;
using Dkim.Hosting;
using Dkim.ProxyHost.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>Which changes of key files a look finds, and how often it tells of one.</summary>
internal sealed class KeyWatchTests
{
    private readonly List<string> told = [];
    private Scratch scratch = null!;
    private KeyWatch watch = null!;

    [SetUp]
    public void Start()
    {
        scratch = new Scratch();
        Replace("one.pem");
        Replace("two.pem");
        scratch.Write("map", "a.example dkim(key=one.pem)\nb.example dkim(key=two.pem)\n");
        scratch.Write("p.conf", "listen 127.0.0.1:0\nrelay 127.0.0.1:25\nselector s\nsender_map map\n");
        var files = new SettingsFiles(scratch.Root, []);
        var program = files.Run(Proxies.Out(["--conf_file=p.conf"])).Again(out var refusal);
        Assert.That(program, Is.Not.Null, refusal?.Line);
        told.Clear();
        watch = new KeyWatch(program!, files, line => told.Add(line.Line));
    }

    [TearDown]
    public void Stop() => scratch.Dispose();

    [Test]
    public void A_change_of_any_one_of_several_files_is_found()
    {
        Assert.That(watch.Changed(), Is.False);
        foreach (var name in new[] { "one.pem", "two.pem", "one.pem" })
        {
            Replace(name);
            Assert.That((watch.Changed(), watch.Changed()), Is.EqualTo((true, false)), name);
        }

        Assert.That(told, Is.Empty);
    }

    [Test]
    public void A_file_that_is_gone_is_told_once_and_taken_when_it_is_back()
    {
        File.Delete(scratch.At("one.pem"));
        Assert.That((watch.Changed(), watch.Changed(), watch.Changed()), Is.EqualTo((false, false, false)));
        Assert.That(told, Has.Count.EqualTo(1).And.One.Contains("one.pem: the file is gone, its last content stays in force"));
        Replace("one.pem");
        Assert.That(watch.Changed());
    }

    private void Replace(string name)
    {
        using var key = RSA.Create(1024);
        var mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        File.Move(scratch.Write("new", key.ExportPkcs8PrivateKeyPem(), mode), scratch.At(name), overwrite: true);
    }
}
