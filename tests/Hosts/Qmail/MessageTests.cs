using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Dkim.Core.Programs.Running;
using Dkim.Tests.Hosts.Hosting;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Qmail;

/// <summary>Messages of every shape: what is below the added fields is what came, and the signatures are good.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class MessageTests
{
    private static readonly string[] shapes =
    [
        "",
        "\n",
        "\n\n\n",
        "\r\n",
        "no header",
        "no header\n",
        "From: joe@example.org",
        "From: joe@example.org\n",
        "From: joe@example.org\n\n",
        "From: joe@example.org\nSubject: folded\n\twith a tab\n and a blank\n\nbody without end",
        "From: joe@example.org\n\n.\n..\n\n\n\n",
        "From: joe@example.org\r\nSubject: as of Windows\r\n\r\nbody\r\n",
        "From: joe@example.org\nSubject: mixed\r\n\nbody\r\nand\nmore\r\n\n",
        "From: joe@example.org\nX: bare \r inside\n\nbody \r bare\n",
        "From: joe@example.org\nX: nul \0 and \u00ff\n\n\0\u0080\u00ff\n",
        "From: joe@example.org\n\n" + new string('\n', 5000),
        "From: joe@example.org\n\n" + new string('z', 100_000),
    ];

    private Chain chain = null!;

    [SetUp]
    public void Start() => chain = new Chain();

    [TearDown]
    public void Stop() => chain.Dispose();

    [Test]
    [Category("RFC6376-3.4-3")]
    [Category("RFC4870-3.5.2-2")]
    public void Each_shape_goes_through_octet_for_octet()
    {
        foreach (var shape in shapes)
        {
            var message = Encoding.Latin1.GetBytes(shape);
            Assert.That(chain.Run(message).Only.Message, Is.EqualTo(message));
            var told = chain.Run(message, chain.Verifying("DKVERIFY=", "DKIMVERIFY=")).Only.Text;
            Assert.That(told, Does.StartWith("DomainKey-Status: ").And.EndWith(shape));
            var added = told[..^shape.Length];
            Assert.That(added, Does.EndWith("\n").And.Not.Contain("\r"));
            Assert.That(added[^2], Is.Not.EqualTo('\n'), "the header is not cut");
            Assert.That(chain.Run(message, chain.Signing($"DKIMSIGN={chain.At("keys")}/%/default")).Only.Text, Does.EndWith(shape));
        }
    }

    [Test]
    public void Keys_are_found_in_the_domain_name_system()
    {
        using var nsd = new Nsd(new Dictionary<string, string>
        {
            ["example.org"] = Nsd.Txt("default._domainkey", chain.Record) + "\n" + Nsd.Txt("_domainkey", "o=-"),
        });
        var signed = chain.Run("From: Joe <joe@example.org>\nSubject: tea\n\nHello\n", chain.Signing()).Only.Text;
        string[] verifying = ["DKVERIFY=", $"DKNAMESERVER={nsd.Address}"];
        Assert.That(chain.Run(signed, verifying).Only.Text, Does.StartWith("DomainKey-Status: good        \n"));
        Assert.That(
            chain.Run(signed + "more\n", verifying).Only.Text, Does.StartWith("DomainKey-Status: bad         \n"));
        Assert.That(
            chain.Run(signed.Replace("s=default", "s=other", StringComparison.Ordinal), verifying).Only.Text,
            Does.StartWith("DomainKey-Status: no key      \n"));
    }

    [Test]
    [Category("RFC6376-5.6-1")]
    [Category("RFC6376-5.3-3")]
    [Category("RFC6376-5.3-2")]
    public void Signatures_of_each_shape_are_good()
    {
        foreach (var shape in shapes.Where(shape => shape.StartsWith("From", StringComparison.Ordinal)))
        {
            var signed = chain.Run(shape, chain.Signing($"DKIMSIGN={chain.At("keys")}/%/default")).Only.Text;
            var both = chain.Verifying("DKVERIFY=BCDEFGHJL", "DKIMVERIFY=CDEGHIJKLNPQRSTUVWX");
            // notqmail sends a CR alone as a line end of its own.
            var told = chain.Run(Regex.Replace(signed, "\r(?!\n)", "\n"), both);
            Assert.That(told.Code, Is.Zero, shape);
            Assert.That(told.Only.Text, Does.StartWith("DomainKey-Status: good        \nAuthentication-Results: mx.example.net; dkim=pass"));
        }
    }

    [Test]
    public void Sizes_around_the_ends_of_buffers(
        [Values(32767, 32768, 32769, 131072, 131073, 1048575, 1048576, 1048577, 1179648, 3_000_000)] int size)
    {
        var header = "From: joe@example.org\nSubject: long\n\n";
        var body = string.Concat(Enumerable.Range(0, (size / 8) + 1).Select(i => i.ToString("x7", CultureInfo.InvariantCulture) + "\n"));
        var message = (header + body)[..size];
        var signed = chain.Run(message, chain.Signing()).Only.Text;
        Assert.That(signed.EndsWith(message, StringComparison.Ordinal));
        var verified = chain.Run(signed, chain.Verifying("DKVERIFY=B", "DKIMVERIFY="));
        Assert.That(verified.Only.Text.EndsWith(signed, StringComparison.Ordinal));
        Assert.That(verified.Only.Text, Does.StartWith("DomainKey-Status: good"));
        Assert.That(Directory.GetFileSystemEntries(chain.At("")), Has.Length.EqualTo(5), "no temporary file has a name");
    }

    [Test]
    public void A_forged_result_goes_from_a_long_message_too()
    {
        var message = "Authentication-Results: mx.example.net; dkim=pass\nFrom: joe@example.org\n\n" + new string('x', 2_000_000);
        var told = chain.Run(message, chain.Verifying("DKIMVERIFY=")).Only.Text;
        Assert.That(told, Does.StartWith("Authentication-Results: mx.example.net; dkim=none\nFrom: joe@example.org\n\nxxx"));
        Assert.That(told, Has.Length.EqualTo(message.Length));
    }

    [Test]
    [Category("RFC6376-5.3-3")]
    [Category("RFC6376-5.5-1")]
    public void Other_verifiers_agree()
    {
        Tools.RequireProgram("perl", "libmail-dkim-perl");
        if (!Directory.Exists("/usr/share/doc/libmail-dkim-perl"))
        {
            Assert.Ignore("left out: Mail::DKIM is missing (Debian package libmail-dkim-perl)");
        }

        const string Script = """
            use Mail::DKIM::Verifier; use Net::DNS; my $record = shift;
            no warnings; *Mail::DKIM::DNS::query = sub {
                return Net::DNS::RR->new(owner => $_[0], type => 'TXT', txtdata => [unpack('(a255)*', $record)]) };
            my $text = do { local $/; <STDIN> }; $text =~ s/\r?\n/\r\n/g; $text =~ s/(?<!\n)\z/\r\n/;
            my $verifier = Mail::DKIM::Verifier->new; $verifier->PRINT($text); $verifier->CLOSE;
            print join(' ', map { ref($_) =~ /Dk/ ? 'domainkeys=' . $_->result : 'dkim=' . $_->result } $verifier->signatures), "\n";
            """;
        chain.Write("verify.pl", Script);
        chain.Write("zone.json", $$"""{"default._domainkey.example.org": ["{{chain.Record}}"]}""");
        var tool = Path.Combine(AppContext.BaseDirectory, "dkim");
        foreach (var shape in shapes.Where(shape => shape.StartsWith("From", StringComparison.Ordinal) && shape.Contains("\n\n") && !shape.Contains('\r') && !shape.Contains('\0')))
        {
            var signed = chain.Run(shape, chain.Signing($"DKIMSIGN={chain.At("keys")}/%/default")).Only;
            File.WriteAllBytes(chain.At("signed"), signed.Message);
            var perl = Tools.Run("/", "/bin/sh", "-c", $"exec perl '{chain.At("verify.pl")}' '{chain.Record}' <'{chain.At("signed")}'");
            Assert.That(perl.Trim().Split(' ').Order(), Is.EqualTo(new[] { "dkim=pass", "domainkeys=pass" }), shape);
            var own = Tools.Run("/", tool, "verify", "--json", "--zone", chain.At("zone.json"), chain.At("signed"));
            Assert.That(own.Split("\"result\":").Length, Is.EqualTo(3), own);
            Assert.That(own, Does.Not.Contain("fail").And.Not.Contain("error"));
        }
    }

    [Test]
    public void A_message_of_a_gigabyte_in_little_memory()
    {
        const long Body = 1L << 30;
        using var process = chain.Start(
            $"(printf 'From: joe@example.org\\nSubject: large\\n\\n'; yes 'The quick  brown fox jumps over the lazy dog. ' 2>/dev/null | head -c {Body}) | \"$0\" 1<\"$ENVELOPE\"",
            chain.Signing("QQ_KEEP=65536", $"TMPDIR={chain.At("")}", "PATH=/usr/bin:/bin"));
        process.StandardInput.Close();
        long peak = 0;
        while (!process.WaitForExit(20))
        {
            peak = Math.Max(peak, PeakOf("qmail-dk"));
        }

        var queued = chain.End(process).Only;
        Assert.That(process.ExitCode, Is.Zero);
        Assert.That(queued.Text, Does.StartWith("Comment: DomainKeys?").And.Contain("Subject: large\n\nThe quick"));
        var head = queued.Text.IndexOf("From: joe", StringComparison.Ordinal);
        Assert.That(queued.About("total")[0], Is.EqualTo((head + 38 + Body).ToString(CultureInfo.InvariantCulture)));
        Assert.That(peak, Is.GreaterThan(0).And.LessThan(Chain.IsNative ? 48_000 : 120_000), "KiB resident");
    }

    /// <summary>The most memory that a process of that name has held, in KiB.</summary>
    private static long PeakOf(string name)
    {
        long peak = 0;
        foreach (var process in Process.GetProcessesByName(name))
        {
            using (process)
            {
                try
                {
                    var line = File.ReadLines($"/proc/{process.Id}/status").First(text => text.StartsWith("VmHWM", StringComparison.Ordinal));
                    peak = Math.Max(peak, long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
                }
                catch (Exception failure) when (failure is IOException or InvalidOperationException)
                {
                    // It has ended.
                }
            }
        }

        return peak;
    }
}
