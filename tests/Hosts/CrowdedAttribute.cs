using NUnit.Framework;
using NUnit.Framework.Interfaces;

namespace Dkim.Tests.Hosts;

/// <summary>A test that takes hundreds of the descriptors of this process, or counts them: there is one such at a time,
/// beside whatever others.</summary>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Method)]
internal sealed class CrowdedAttribute : Attribute, ITestAction
{
    private static readonly SemaphoreSlim turn = new(1);

    public ActionTargets Targets => ActionTargets.Test;

    public void BeforeTest(ITest test) => turn.Wait();

    public void AfterTest(ITest test) => turn.Release();
}
