using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tables;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>dkimproxy.out with its sender map in a store that dies, hangs, comes back and gets other rows while mail goes on;
/// dkimproxy.in behind it says whether signatures are good. Mail of a row is signed by it, or waits.</summary>
[Parallelizable(ParallelScope.All)]
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed partial class ProxyStoreTests : IDisposable
{
    private const string Waits = "450 DKIM - temperror (signatures cannot be looked up)";
    private static readonly string[] keys = ["old", "new", "text"];
    private static readonly string[] domains = ["a", "b", "c", "d", "e", "f"];
    private readonly Scratch scratch = new();
    private readonly TcpRelay relay = new();
    private readonly PostgreSqlEngine engine = new();
    private readonly List<ProxyProcess> proxies = [];
    private readonly ConcurrentBag<string> outcomes = [];
    private int number;

    [SetUp]
    public async Task MakeAsync()
    {
        Tools.RequireRoot();
        scratch.Open();
        var records = new StringBuilder();
        foreach (var name in keys)
        {
            using var key = RSA.Create(1024);
            scratch.Write(name, key.ExportPkcs8PrivateKeyPem() + "\n", UnixFileMode.UserRead | UnixFileMode.UserWrite);
            Tools.Run("/", "/bin/chown", "nobody", scratch.At(name));
            var data = Convert.ToBase64String(key.ExportSubjectPublicKeyInfo());
            foreach (var domain in domains)
                records.Append($"{name}._domainkey.{domain}.example v=DKIM1; k=rsa; p={data}\n");
        }

        scratch.Write("keys.txt", records.ToString());
        proxies.Add(await ProxyProcess.StartAsync(
            scratch, "dkimproxy.in", [.. Keys.Verifying, "127.0.0.1:0", $"127.0.0.1:{relay.Port}"]));
    }

    public void Dispose()
    {
        foreach (var proxy in proxies)
            proxy.Dispose();
        engine.Dispose();
        relay.Dispose();
        scratch.Dispose();
    }

    [Test]
    public async Task A_server_that_is_killed_keeps_mail_waiting_until_it_is_back()
    {
        Fill();
        var proxy = await StartAsync();
        Assert.That(Child(proxy), Does.Contain("\nUid:\t65534\t65534\t65534\t65534"), "whoever asks is not root");
        Assert.That(await SendAsync(proxy, "a"), Is.EqualTo("a.example/old"));
        Assert.That(await SendAsync(proxy, "b"), Is.EqualTo("b.example/text"), "the key stands in the row");
        Assert.That(await SendAsync(proxy, "unknown"), Is.EqualTo("unsigned"));
        engine.Kill();
        Assert.That(await SendAsync(proxy, "c"), Is.EqualTo(Waits));
        var watch = Stopwatch.StartNew();
        Assert.That(await SendAsync(proxy, "c"), Is.EqualTo(Waits));
        Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(4), "nobody waits for a store that did not answer last");
        Assert.That(await SendAsync(proxy, "a"), Is.EqualTo("a.example/old"), "an old answer counts");
        await proxy.SaysAsync("table sender_map: server down (");
        engine.Restart();
        await UntilAsync(async () => await SendAsync(proxy, "c") == "c.example/old");
        await proxy.SaysAsync("table sender_map: server back after ");
        Assert.That(outcomes.Except(["a.example/old", "b.example/text", "c.example/old", "unsigned", Waits]), Is.Empty);
        Assert.That(proxy.Log, Does.Not.Contain(Engine.Password).And.Not.Contain("PRIVATE KEY"));
        Assert.That(Regex.Count(proxy.Log, "server down"), Is.EqualTo(1));
    }

    [Test]
    public async Task A_body_that_comes_while_the_store_takes_its_time_is_signed_whole()
    {
        Fill();
        var proxy = await StartAsync("spool_memory 4096");
        Assert.That(await SendAsync(proxy, "a"), Is.EqualTo("a.example/old"));
        var body = string.Concat(Enumerable.Range(0, 6000).Select(line => $"{line} line of a body that is none too short\r\n"));
        engine.Hang(true);
        var late = SendAsync(proxy, "c", body);
        await Task.Delay(1500);
        Assert.That(late.IsCompleted, Is.False);
        engine.Hang(false);
        Assert.That(await late, Is.EqualTo("c.example/old"));
        engine.Hang(true);
        Assert.That(await SendAsync(proxy, "d", body), Is.EqualTo(Waits));
        engine.Hang(false);
        await UntilAsync(async () => await SendAsync(proxy, "d", body) == "d.example/old");
    }

    [Test]
    public async Task Rows_and_keys_that_change_sign_without_a_reload()
    {
        Fill();
        var proxy = await StartAsync();
        var other = await StartAsync();
        foreach (var one in new[] { proxy, other })
            Assert.That(await SendAsync(one, "a"), Is.EqualTo("a.example/old"));
        engine.Tell($"UPDATE rows SET d = 'dkim(s=new,key={scratch.At("new")})' WHERE k = 'a.example'");
        foreach (var one in new[] { proxy, other })
            await UntilAsync(async () => await SendAsync(one, "a") == "a.example/new");
        Assert.That(outcomes.Except(["a.example/old", "a.example/new"]), Is.Empty);
        // The file that a row names is read as it is now.
        File.Copy(scratch.At("text"), scratch.At("old"), overwrite: true);
        scratch.Write("broken", "no key");
        Assert.That(await SendAsync(proxy, "c"), Is.EqualTo("fail"), "it signs by the new key of the file, whose record is another's");
        engine.Tell($"INSERT INTO rows VALUES ('e.example', 'dkim(s=old,key={scratch.At("broken")})')");
        Assert.That(await SendAsync(proxy, "e"), Is.EqualTo("450 DKIM - temperror (cannot read keyfile "
            + $"{scratch.At("broken")}: there is no private key in it)"));
    }

    [Test]
    public async Task Maps_may_be_in_several_stores_which_a_reload_changes()
    {
        using var lists = new RedisEngine();
        lists.Make(new Dictionary<string, string> { ["news.d.example"] = $"dkim(s=text,key={scratch.At("text")})" });
        Tools.Run(
            scratch.Root,
            Tools.RequireProgram("sqlite3", "sqlite3"),
            scratch.At("db"),
            $"CREATE TABLE rows (k text PRIMARY KEY, d text); INSERT INTO rows VALUES ('example', '{Row("old")}')");
        var ofSenders = $"dsn:sqlite3://{scratch.At("db")}/table=rows?keycol=k?datacol=d";
        var ofLists = lists.Setting(new NamedRows("dkim", true, new Dictionary<string, string>()));
        Configure($"sender_map {ofSenders}");
        var proxy = await StartConfiguredAsync();
        Assert.That(await SendAsync(proxy, "a"), Is.EqualTo("a.example/old"));
        Configure($"sender_map {ofSenders}\nlistid_map {ofLists}");
        proxy.Signal("HUP");
        await proxy.SaysAsync("configuration reloaded");
        const string List = "List-Id: News <news.d.example>\r\n";
        Assert.That(await SendAsync(proxy, "a", header: List), Is.EqualTo("d.example/text"));
        lists.Kill();
        Assert.That(await SendAsync(proxy, "a", header: "List-Id: <other.example>\r\n"), Is.EqualTo(Waits));
        Assert.That(await SendAsync(proxy, "b"), Is.EqualTo("b.example/old"));
        lists.Restart();
        await UntilAsync(async () => await SendAsync(proxy, "a", header: "List-Id: <new.list.d.example>\r\n") == "a.example/old");
        Configure("signature dkim(d=e.example,s=old,key=old)");
        proxy.Signal("HUP");
        await UntilAsync(async () => await SendAsync(proxy, "a") == "e.example/old");
    }

    [Test]
    public async Task A_check_and_a_start_go_the_same_way_and_who_has_no_store_has_no_process()
    {
        scratch.Write("plain", "example " + Row("old") + "\n");
        Configure("sender_map plain");
        var proxy = await StartConfiguredAsync();
        Assert.That(await SendAsync(proxy, "a"), Is.EqualTo("a.example/old"));
        Assert.That(Children(proxy), Is.Empty);
        Configure("sender_map dsn:x");
        var (code, text, _) = ProxyProcess.Run(scratch, "dkimproxy.out", "--conf_file=p.conf", "--check");
        Assert.That(code, Is.EqualTo(78));
        Assert.That(text, Does.Contain("sender_map: 'dsn:x': dkimf_db_open(): Invalid argument: dsn: "));
        proxy.Signal("HUP");
        await proxy.SaysAsync("not reloaded: ");
        Assert.That(await SendAsync(proxy, "a"), Is.EqualTo("a.example/old"));
        // Nobody listens there: a check does not mind, and neither does a start.
        Configure($"sender_map redis://127.0.0.1:{Tools.FreePort()}/x");
        (code, text, _) = ProxyProcess.Run(scratch, "dkimproxy.out", "--conf_file=p.conf", "--check");
        Assert.That((code, text), Is.EqualTo((0, "dkimproxy.out: no problems\n")), text);
        var waiting = await StartConfiguredAsync();
        Assert.That(await SendAsync(waiting, "a"), Is.EqualTo(Waits));
    }

    private string Row(string name) => $"dkim(d=$senderdomain,s={name},key={scratch.At(name)})";

    private void Fill() => engine.Make(new Dictionary<string, string>
    {
        ["a.example"] = Row("old"),
        ["b.example"] = $"dkim(s=text,key={File.ReadAllText(scratch.At("text"))})",
        ["c.example"] = Row("old"),
        ["d.example"] = Row("old"),
    });

    private void Configure(string map) => scratch.Write(
        "p.conf", $"listen 127.0.0.1:0\nrelay 127.0.0.1:{((IPEndPoint)proxies[0].Addresses[0]).Port}\nuser nobody\n{map}\n");

    private Task<ProxyProcess> StartAsync(string more = "")
    {
        Configure($"sender_map dsn:pgsql://dkim:{Engine.Password}@{engine.ServerPort}+127.0.0.1/postgres/table=rows?keycol=k?datacol=d\n{more}");
        return StartConfiguredAsync();
    }

    private async Task<ProxyProcess> StartConfiguredAsync()
    {
        var proxy = await ProxyProcess.StartAsync(scratch, "dkimproxy.out", "--conf_file=p.conf");
        proxies.Add(proxy);
        return proxy;
    }

    // Domain and selector of the good signature that a message gets, or what became of it.
    private async Task<string> SendAsync(ProxyProcess proxy, string domain, string body = "x\r\n", string header = "")
    {
        var outcome = await SendOnceAsync(proxy, domain, body, header);
        outcomes.Add(outcome);
        return outcome;
    }

    private async Task<string> SendOnceAsync(ProxyProcess proxy, string domain, string body, string header)
    {
        var subject = $"Subject: {Interlocked.Increment(ref number)}.\r\n";
        using var client = await Client.ConnectAsync(proxy.Addresses[0]);
        await client.BeginAsync();
        var reply = await client.SayAsync($"From: joe@{domain}.example\r\n{header}{subject}\r\n{body}.\r\n");
        if (!reply.StartsWith("250", StringComparison.Ordinal))
            return reply.TrimEnd();
        var message = relay.Messages.Single(message => message.Contains(subject, StringComparison.Ordinal));
        var names = Names().Match(message);
        if (!names.Success)
            return "unsigned";
        return message.Contains("; dkim=pass ", StringComparison.Ordinal)
            ? $"{names.Groups["d"]}/{names.Groups["s"]}"
            : "fail";
    }

    private static string[] Children(ProxyProcess proxy) => [.. Directory.GetDirectories($"/proc/{proxy.Id}/task")
        .SelectMany(task => File.ReadAllText(task + "/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))];

    private static string Child(ProxyProcess proxy) => File.ReadAllText($"/proc/{Children(proxy).Single()}/status");

    private async Task UntilAsync(Func<Task<bool>> holds)
    {
        var watch = Stopwatch.StartNew();
        while (!await holds())
        {
            Assert.That(watch.Elapsed.TotalSeconds, Is.LessThan(120), () => string.Join('\n', proxies.Select(proxy => proxy.Log)));
            await Task.Delay(200);
        }
    }

    [GeneratedRegex("^DKIM-Signature: .*?d=(?<d>[^;]*); h=.*?s=(?<s>[^;]*);", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Names();
}
