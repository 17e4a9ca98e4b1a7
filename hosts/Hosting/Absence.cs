using Microsoft.FSharp.Core;

namespace Dkim.Hosting;

/// <summary>What the core leaves out, as C# has it.</summary>
public static class Absence
{
    /// <summary>The value; null where there is none.</summary>
    public static T? OrNull<T>(this FSharpValueOption<T> value)
        where T : class => value.IsSome ? value.Value : null;
}
