using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Dkim.Hosting;
using Dkim.MilterHost.Connections;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>The database of POP logins, made by the library that Debian has.</summary>
[TestFixture]
public sealed unsafe class PopLoginTests
{
    private const int CloseMethod = 568;
    private const int OpenMethod = 1008;
    private const int PutMethod = 1024;
    private const uint Create = 1;
    private const int Hash = 2;
    private Scratch scratch = null!;

    [SetUp]
    public void SetUp()
    {
        scratch = new Scratch();
        if (!NativeLibrary.TryLoad("libdb-5.3.so", out _))
            Assert.Ignore("left out: libdb-5.3.so is missing (Debian package libdb5.3)");
    }

    [TearDown]
    public void TearDown() => scratch.Dispose();

    [Test]
    public void AnAddressIsThereOrNot()
    {
        Put("192.0.2.7");
        var reported = new List<string>();
        var logins = PopLogins.Open(scratch.At("pop.db"), reported.Add);
        Assert.That(logins.Has(IPAddress.Parse("192.0.2.7")));
        Assert.That(logins.Has(IPAddress.Parse("::ffff:192.0.2.7")), "mapped");
        Assert.That(logins.Has(IPAddress.Parse("192.0.2.8")), Is.False);
        Assert.That(logins.Has(IPAddress.Parse("2001:db8::1")), Is.False);
        Put("192.0.2.8");
        Assert.That(logins.Has(IPAddress.Parse("192.0.2.8")), "added by another process meanwhile");
        Assert.That(reported, Is.Empty);
    }

    [Test]
    public void WhatIsNoDatabaseIsAnErrorOfTheStart()
    {
        scratch.Write("text", "192.0.2.7\n");
        Assert.That(
            () => PopLogins.Open(scratch.At("text"), _ => { }),
            Throws.TypeOf<StartupException>().With.Message.Contains("cannot be opened"));
        Assert.That(() => PopLogins.Open(scratch.At("none"), _ => { }), Throws.TypeOf<StartupException>());
    }

    [Test]
    public void ADatabaseThatIsGoneIsReportedAndNobodyIsInIt()
    {
        Put("192.0.2.7");
        var reported = new List<string>();
        var logins = PopLogins.Open(scratch.At("pop.db"), reported.Add);
        File.Delete(scratch.At("pop.db"));
        Assert.That(logins.Has(IPAddress.Parse("192.0.2.7")), Is.False);
        Assert.That(reported, Has.Count.EqualTo(1));
    }

    private void Put(string address)
    {
        var create = NativeLibrary.GetExport(NativeLibrary.Load("libdb-5.3.so"), "db_create");
        byte* database;
        Assert.That(((delegate* unmanaged<byte**, void*, uint, int>)create)(&database, null, 0), Is.Zero);
        fixed (byte* path = Encoding.UTF8.GetBytes(scratch.At("pop.db") + '\0'), key = Encoding.ASCII.GetBytes(address))
        {
            var open = (delegate* unmanaged<byte*, void*, byte*, byte*, int, uint, int, int>)Method(database, OpenMethod);
            Assert.That(open(database, null, path, null, Hash, Create, 0x1A4), Is.Zero);
            // struct __db_dbt: the octets and their number come first.
            var name = stackalloc byte[40];
            var value = stackalloc byte[40];
            *(byte**)name = key;
            *(uint*)(name + 8) = (uint)address.Length;
            var put = (delegate* unmanaged<byte*, void*, byte*, byte*, uint, int>)Method(database, PutMethod);
            Assert.That(put(database, null, name, value, 0), Is.Zero);
        }

        Assert.That(((delegate* unmanaged<byte*, uint, int>)Method(database, CloseMethod))(database, 0), Is.Zero);
    }

    private static nint Method(byte* database, int offset) => *(nint*)(database + offset);
}
