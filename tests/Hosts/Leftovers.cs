using System.Diagnostics;
using System.Globalization;
using NUnit.Framework;

namespace Dkim.Tests.Hosts;

/// <summary>Begin and end of the run.</summary>
[SetUpFixture]
public sealed class Leftovers
{
    /// <summary>Lets tests that wait for a program in a thread of the pool keep none from going on.</summary>
    [OneTimeSetUp]
    public void Begin() => ThreadPool.SetMinThreads(64, 64);

    /// <summary>Ends programs that still are there; each is one that a test should have ended.</summary>
    [OneTimeTearDown]
    public void End()
    {
        var left = new List<string>();
        foreach (var process in Children())
        {
            left.Add($"{process.Id} {process.ProcessName}");
            process.Kill(entireProcessTree: true);
            process.Dispose();
        }

        Assert.That(left, Is.Empty, "programs that tests have left running");
    }

    private static IEnumerable<Process> Children()
    {
        foreach (var task in Directory.GetDirectories("/proc/self/task"))
        {
            foreach (var child in File.ReadAllText($"{task}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                if (Find(int.Parse(child, CultureInfo.InvariantCulture)) is { } process)
                {
                    yield return process;
                }
            }
        }
    }

    private static Process? Find(int id)
    {
        try
        {
            return Process.GetProcessById(id) is { HasExited: false } process ? process : null;
        }
        catch (ArgumentException)
        {
            return null;
        }
    }
}
