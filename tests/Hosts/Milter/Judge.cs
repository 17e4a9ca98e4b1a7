using System.Text;
using Dkim.Core.Canonicalization;
using Dkim.Core.Dns;
using Dkim.Core.Message;
using Dkim.Core.Signatures;
using Dkim.Tests.Hosts.Hosting;
using Microsoft.FSharp.Core;

namespace Dkim.Tests.Hosts.Milter;

/// <summary>What our own verifier says of the signatures of a message.</summary>
internal static class Judge
{
    /// <param name="scratch">Has the record of their key in <c>keys.txt</c>.</param>
    public static IEnumerable<SignatureResult> All(Scratch scratch, string text)
    {
        var record = File.ReadLines(scratch.At("keys.txt")).First().Split(' ', 2)[1];
        var mail = MailModule.read(HeaderLimitsModule.defaults, FileLines.CrLf, Encoding.Latin1.GetBytes(text)).ResultValue;
        var plan = Verifier.plan(
            VerifyPolicyModule.defaults, DateTimeOffset.UtcNow.ToUnixTimeSeconds(), mail.Header);
        var answer = FuncConvert.FromFunc<Question, Answer>(_ => Answer.Found([record], Security.Unchecked));
        return Verifier.conclude(plan, BodyHasherModule.ofMail(plan.Digests, mail), answer);
    }

    /// <summary>Whether every signature of a message passes, of which there must be one at least.</summary>
    public static bool IsGood(Scratch scratch, string text)
    {
        var all = All(scratch, text).ToArray();
        return all.Length > 0 && all.All(one => one.Verdict.IsPass);
    }
}
