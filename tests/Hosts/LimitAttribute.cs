using System.Globalization;
using System.Reflection;
using NUnit.Framework;
using NUnit.Framework.Interfaces;
using NUnit.Framework.Internal;

namespace Dkim.Tests.Hosts;

/// <summary>Each test ends, or fails once its time is over: NUnit's own limits count for tests that ask whether they are
/// to end. What a test that hangs goes on with nothing can stop; its tear-down ends what it waits for, and what it has
/// started and left ends with the run (<see cref="Leftovers"/>).</summary>
/// <param name="seconds">The most that a test may take, without set-up and tear-down.</param>
[AttributeUsage(AttributeTargets.Assembly | AttributeTargets.Class)]
internal sealed class LimitAttribute(int seconds) : Attribute, ITestAction
{
    public ActionTargets Targets => ActionTargets.Test;

    public void BeforeTest(ITest test)
    {
        if (test is TestMethod { Method: { } method } limited && limited.Method is not Limited)
        {
            limited.Method = new Limited(method, TimeSpan.FromSeconds(seconds));
        }
    }

    public void AfterTest(ITest test)
    {
    }

    private sealed class Limited(IMethodInfo method, TimeSpan time) : IMethodInfo
    {
        public ITypeInfo TypeInfo => method.TypeInfo;

        public MethodInfo MethodInfo => method.MethodInfo;

        public string Name => method.Name;

        public bool IsAbstract => method.IsAbstract;

        public bool IsPublic => method.IsPublic;

        public bool IsStatic => method.IsStatic;

        public bool ContainsGenericParameters => method.ContainsGenericParameters;

        public bool IsGenericMethod => method.IsGenericMethod;

        public bool IsGenericMethodDefinition => method.IsGenericMethodDefinition;

        public ITypeInfo ReturnType => method.ReturnType;

        public IParameterInfo[] GetParameters() => method.GetParameters();

        public Type[] GetGenericArguments() => method.GetGenericArguments();

        public IMethodInfo MakeGenericMethod(params Type[] typeArguments) => method.MakeGenericMethod(typeArguments);

        public T[] GetCustomAttributes<T>(bool inherit)
            where T : class => method.GetCustomAttributes<T>(inherit);

        public bool IsDefined<T>(bool inherit)
            where T : class => method.IsDefined<T>(inherit);

        public object? Invoke(object? fixture, params object?[]? args)
        {
            // In a thread of its own, since a test may hang before it has given a task.
            var begun = Task.Factory.StartNew(
                () => method.Invoke(fixture, args),
                CancellationToken.None,
                TaskCreationOptions.LongRunning,
                TaskScheduler.Default);
            if (Task.WaitAny([begun], time) < 0)
            {
                throw TooLong();
            }

            return begun.GetAwaiter().GetResult() is Task task ? EndsAsync(task) : null;
        }

        private async Task EndsAsync(Task task)
        {
            if (await Task.WhenAny(task, Task.Delay(time)) != task)
            {
                throw TooLong();
            }

            await task;
        }

        private AssertionException TooLong() => new(string.Create(
            CultureInfo.InvariantCulture,
            $"{Name} has not ended within {time.TotalSeconds} seconds: it hangs, or needs a [Limit] of its own"));
    }
}
