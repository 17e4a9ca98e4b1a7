using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Dkim.Core.Dns;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Microsoft.FSharp.Core;

namespace Dkim.Hosting.Processes;

/// <summary>What this build is and what it runs on.</summary>
public static class OwnBuild
{
    // In the order in which the runtime looks for it.
    private static readonly string[] Libraries = ["libssl.so.3", "libssl.so.1.1"];

    /// <summary>What <c>--version</c> tells. OpenSSL is loaded for the purpose.</summary>
    public static BuildFacts Facts => new(
        typeof(OwnBuild).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "",
        RuntimeInformation.FrameworkDescription,
        !RuntimeFeature.IsDynamicCodeSupported,
        OpenSsl());

    /// <summary>Prints them under the name that the program was started by, and gives the exit code.</summary>
    public static int Print() => StandardStreams.Print(BuildFactsModule.describe(OwnProcess.ProgramName, Facts), 0);

    // The runtime ends the process where it finds none.
    private static FSharpValueOption<long> OpenSsl() =>
        OperatingSystem.IsLinux() && Libraries.Any(library => NativeLibrary.TryLoad(library, out _))
            ? FSharpValueOption<long>.NewValueSome(SafeEvpPKeyHandle.OpenSslVersion)
            : FSharpValueOption<long>.None;
}
