using Dkim.Core.Programs.Running;

namespace Dkim.Hosting.Service;

/// <summary>Takes the steps of a start to see whether they can be taken: where a start would end, it goes on.</summary>
/// <param name="found">Told of each step that fails.</param>
public sealed class StartCheck(Action<StartupException> found)
{
    /// <summary>Takes a step.</summary>
    public void Try(Action step)
    {
        try
        {
            step();
        }
        catch (StartupException failure)
        {
            found(failure);
        }
    }

    /// <summary>Takes a step that waits.</summary>
    public async Task TryAsync(Func<Task> step)
    {
        try
        {
            await step().ConfigureAwait(false);
        }
        catch (StartupException failure)
        {
            found(failure);
        }
    }
}
