using System.Globalization;
using Dkim.Core.Programs.Running;
using Dkim.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Hosting;

/// <summary>Messages that wait in memory and in files.</summary>
public sealed class SpoolTests
{
    private Scratch scratch = null!;

    [SetUp]
    public void Start() => scratch = new Scratch();

    [TearDown]
    public void Stop() => scratch.Dispose();

    [Test]
    public void What_goes_in_comes_out_whatever_the_pieces(
        [Values(0, 1, 8191, 8192, 8193, 40_960, 1 << 20, (1 << 20) + 1, 3_000_001)] int length,
        [Values(1_000_000, 4096, 77)] int piece)
    {
        var message = Octets(length);
        using var spool = new SpoolArea(scratch.Root).Open();
        for (var at = 0; at < length; at += piece)
        {
            spool.Append(message.AsSpan(at, Math.Min(piece, length - at)));
        }

        Assert.That(spool.Length, Is.EqualTo(length));
        Assert.That(spool.OnDisk, Is.EqualTo(length > 1 << 20));
        foreach (var offset in (int[])[0, 1, length / 2, length - 1, length])
        {
            if (offset < 0 || offset > length)
            {
                continue;
            }

            Assert.That(Rest(spool, offset).AsSpan().SequenceEqual(message.AsSpan(offset)), $"from {offset}");
        }

        Assert.That(Directory.GetFiles(scratch.Root), Is.Empty, "its file has no name");
    }

    [Test]
    public void Reading_anywhere_gives_what_was_written_there()
    {
        var message = Octets(1_200_000);
        using var spool = new SpoolArea(scratch.Root).Open();
        spool.Append(message);
        var random = new Random(3);
        for (var i = 0; i < 300; i++)
        {
            var at = random.Next(message.Length);
            var buffer = new byte[random.Next(1, 5000)];
            var count = spool.Read(at, buffer);
            Assert.That(count, Is.GreaterThan(0));
            Assert.That(buffer.AsSpan(0, count).SequenceEqual(message.AsSpan(at, count)), $"at {at}");
        }

        Assert.That(spool.Read(message.Length, new byte[1]), Is.Zero);
        Assert.That(spool.Read(message.Length + 5L, new byte[1]), Is.Zero);
    }

    [Test]
    public void Memory_is_shared_out_and_given_back()
    {
        var area = new SpoolArea(scratch.Root, perMessage: 1 << 20, inAll: 200_000);
        using (var first = area.Open())
        using (var second = area.Open())
        {
            first.Append(Octets(150_000));
            second.Append(Octets(150_000));
            Assert.That((first.OnDisk, second.OnDisk), Is.EqualTo((false, true)));
        }

        using var third = area.Open();
        third.Append(Octets(150_000));
        Assert.That(third.OnDisk, Is.False);
    }

    [Test]
    public void A_rush_that_finds_no_memory_left_takes_none_from_later_messages()
    {
        var area = new SpoolArea(scratch.Root, perMessage: 1 << 20, inAll: 200_000);
        for (var rush = 0; rush < 10; rush++)
        {
            var spools = Enumerable.Range(0, 5).Select(_ => area.Open()).ToList();
            spools.ForEach(spool => spool.Append(Octets(150_000)));
            Assert.That(spools.Count(spool => spool.OnDisk), Is.EqualTo(4), $"rush {rush}");
            spools.ForEach(spool => spool.Dispose());
        }
    }

    [Test]
    public void A_full_disk_is_told_apart()
    {
        Tools.RequireRoot();
        var mount = Tools.RequireProgram("mount", "mount");
        var small = Directory.CreateDirectory(scratch.At("small")).FullName;
        Tools.Run("/", mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", small);
        try
        {
            using var spool = new SpoolArea(small, perMessage: 10_000).Open();
            Assert.That(() => spool.Append(Octets(1_000_000)), Throws.InstanceOf<SpoolFullException>().With.Message.Contains(small));
        }
        finally
        {
            Tools.Run("/", "/bin/umount", small);
        }
    }

    [Test]
    public void A_missing_directory_is_an_error_only_when_it_is_needed()
    {
        using var spool = new SpoolArea("/nonexistent").Open();
        spool.Append(Octets(1 << 20));
        Assert.That(() => spool.Append(Octets(100_000)), Throws.InstanceOf<IOException>().With.Message.Contains("/nonexistent"));
    }

    [Test]
    public void Many_long_messages_at_once_stay_small()
    {
        var words = Tools.Run("/", Tools.Probe, "spool", scratch.Root, "100").Split(' ');
        Assert.That(words[0], Is.EqualTo((100L * (20 << 20)).ToString(CultureInfo.InvariantCulture)));
        Assert.That(int.Parse(words[1], CultureInfo.InvariantCulture), Is.LessThan(100 * 1024), "KiB resident");
    }

    private static byte[] Rest(Spool spool, long offset)
    {
        var rest = new byte[spool.Length - offset];
        var filled = 0;
        while (spool.Read(offset + filled, rest.AsSpan(filled)) is var count && count > 0)
        {
            filled += count;
        }

        return rest[..filled];
    }

    private static byte[] Octets(int count)
    {
        var octets = new byte[count];
        new Random(count).NextBytes(octets);
        return octets;
    }
}
