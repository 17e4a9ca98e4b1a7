using NUnit.Framework;
using NUnit.Framework.Internal;

namespace Dkim.Tests.Hosts;

/// <summary>A test that hangs fails.</summary>
internal sealed class LimitTests
{
    [TestCase(nameof(Hanging.InItsThread))]
    [TestCase(nameof(Hanging.InItsTask))]
    public void A_test_that_hangs_fails(string name)
    {
        var over = new TaskCompletionSource();
        var test = new TestMethod(new MethodWrapper(typeof(Hanging), name));
        new LimitAttribute(1).BeforeTest(test);
        Assert.That(
            async () => await (Task)test.Method!.Invoke(new Hanging(over.Task))!,
            Throws.TypeOf<AssertionException>().With.Message.StartsWith($"{name} has not ended within 1 seconds: it hangs"));
        over.SetResult();
    }

    [Test]
    public void Every_test_has_a_limit() =>
        Assert.That(TestExecutionContext.CurrentContext.CurrentTest.Method, Is.Not.TypeOf<MethodWrapper>());

    private sealed class Hanging(Task over)
    {
        public Task InItsThread()
        {
            over.Wait();
            return Task.CompletedTask;
        }

        public Task InItsTask() => over;
    }
}
