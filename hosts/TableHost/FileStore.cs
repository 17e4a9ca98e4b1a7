using System.Text;
using Dkim.Core.Stores;
using Microsoft.FSharp.Collections;

namespace Dkim.TableHost;

/// <summary>A file of a database that is part of this process. It is opened anew for each question: what others write
/// meanwhile is then seen.</summary>
/// <param name="get">The value of a key, or null.</param>
internal sealed class FileStore(Func<byte[], byte[]?> get) : IStore
{
    public Task<StoreAnswer> AskAsync(FSharpList<string> forms, CancellationToken cancellation)
    {
        List<StoreRow> rows = [];
        foreach (var form in forms)
        {
            cancellation.ThrowIfCancellationRequested();
            if (get(Encoding.UTF8.GetBytes(form)) is { } value)
                rows.Add(new StoreRow(form, ListModule.OfSeq([Encoding.UTF8.GetString(value)])));
        }

        return Task.FromResult(StoreAnswer.NewRows(ListModule.OfSeq(rows)));
    }

    public ValueTask DisposeAsync() => default;
}
