using System.Text.Json;
using Dkim.Tests.Hosts.Hosting;
using Dkim.Tests.Hosts.Tool;
using NUnit.Framework;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>What <c>dkim postfix</c> says of the configuration of the Postfix in a test's directory, as its postconf prints
/// it.</summary>
internal static class PostfixCheck
{
    public sealed record Found(string Severity, string Name, string? Service, string Write);

    public static Found[] Warnings(Scratch scratch, params string[] options) =>
        [.. All(scratch, options).Where(found => found.Severity == "warning")];

    public static Found[] All(Scratch scratch, params string[] options)
    {
        var ran = ToolRun.Run(scratch, "dkim", "", ["postfix", "--json", "--config", scratch.At("etc"), .. options]);
        Assert.That(ran.Error, Is.Empty);
        var root = JsonDocument.Parse(ran.Output).RootElement;
        Assert.That(ran.Code, Is.EqualTo(root.GetProperty("good").GetBoolean() ? 0 : 1));
        return [.. root.GetProperty("findings").EnumerateArray().Select(found => new Found(
            found.GetProperty("severity").GetString()!, found.GetProperty("name").GetString()!,
            found.GetProperty("service").GetString(), found.GetProperty("write").GetString()!))];
    }
}
