using Dkim.Core.Programs.Proxies;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Signatures;
using Dkim.Hosting;

namespace Dkim.ProxyHost.Running;

/// <summary>The ends that a start may come to.</summary>
internal static class Start
{
    /// <summary>Does what the start came to and gives the exit code.</summary>
    public static int Run(this ProxyOutcome outcome, Func<ProxyProgram, int> serve, Func<ProxyCheck, int> check)
    {
        var end = new First(serve, check);
        outcome.Tell(end);
        return end.ExitCode;
    }

    /// <summary>The program of a later start, or the line that says why there is none.</summary>
    public static ProxyProgram? Again(this ProxyOutcome outcome, out LogLine? refusal)
    {
        var end = new Later();
        outcome.Tell(end);
        refusal = end.Refusal;
        return end.Program;
    }

    private sealed class First(Func<ProxyProgram, int> serve, Func<ProxyCheck, int> check) : IProxyStart
    {
        public int ExitCode { get; private set; }

        public void Print(string text, int exitCode) => ExitCode = StandardStreams.Print(text, exitCode);

        public void Fail(string text, int exitCode, LogLine reload)
        {
            StandardStreams.Complain(text);
            ExitCode = exitCode;
        }

        public void Version() => ExitCode = OwnBuild.Print();

        public void Serve(ProxyProgram program) => ExitCode = serve(program);

        public void Check(ProxyCheck found) => ExitCode = check(found);
    }

    private sealed class Later : IProxyStart
    {
        public ProxyProgram? Program { get; private set; }

        public LogLine? Refusal { get; private set; }

        public void Print(string text, int exitCode) => Refusal = ProxyReload.Refused([text.ReplaceLineEndings(" ")]);

        public void Fail(string text, int exitCode, LogLine reload) => Refusal = reload;

        public void Version() => Refusal = ProxyReload.Refused(["version"]);

        public void Serve(ProxyProgram program) => Program = program;

        public void Check(ProxyCheck found) => Refusal = ProxyReload.Refused(["check"]);
    }
}
