using Dkim.Core.Programs.Filters;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting;

namespace Dkim.MilterHost.Running;

/// <summary>The ends that a start may come to.</summary>
internal static class Start
{
    /// <summary>Does what the start came to and gives the exit code.</summary>
    public static int Run(
        this FilterOutcome outcome,
        Func<FilterProgram, int> serve,
        Func<FilterProgram, string, int> test,
        Func<FilterCheck, int> check)
    {
        var end = new First(serve, test, check);
        outcome.Tell(end);
        return end.ExitCode;
    }

    /// <summary>The program of a later start, or the text that says why there is none.</summary>
    public static FilterProgram? Again(this FilterOutcome outcome, out string problem)
    {
        var end = new Later();
        outcome.Tell(end);
        problem = end.Problem;
        return end.Program;
    }

    private sealed class First(
        Func<FilterProgram, int> serve, Func<FilterProgram, string, int> test, Func<FilterCheck, int> check)
        : IFilterStart
    {
        public int ExitCode { get; private set; }

        public void Print(string text, int exitCode) => ExitCode = StandardStreams.Print(text, exitCode);

        public void Fail(string text, int exitCode)
        {
            StandardStreams.Complain(text);
            ExitCode = exitCode;
        }

        public void Version() => ExitCode = OwnBuild.Print();

        public void Serve(FilterProgram program) => ExitCode = serve(program);

        public void Test(FilterProgram program, string file) => ExitCode = test(program, file);

        public void Check(FilterCheck found) => ExitCode = check(found);
    }

    private sealed class Later : IFilterStart
    {
        public FilterProgram? Program { get; private set; }

        public string Problem { get; private set; } = "";

        public void Print(string text, int exitCode) => Problem = text;

        public void Fail(string text, int exitCode) => Problem = text;

        public void Version() => Problem = "version";

        public void Serve(FilterProgram program) => Program = program;

        public void Test(FilterProgram program, string file) => Problem = "test mode";

        public void Check(FilterCheck found) => Problem = "check";
    }
}
