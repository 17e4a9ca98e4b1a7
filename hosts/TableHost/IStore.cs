using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;

namespace Dkim.TableHost;

/// <summary>A store, with its connections. Several questions may be put to it at the same time.</summary>
internal interface IStore : IAsyncDisposable
{
    /// <summary>The rows that there are of these texts. Throws where the store cannot be asked.</summary>
    Task<StoreAnswer> AskAsync(FSharpList<string> forms, CancellationToken cancellation);
}
