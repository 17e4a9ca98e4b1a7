namespace Dkim.Tests.Hosts.Tables;

/// <summary>Rows that are to be a table of an engine.</summary>
/// <param name="Folds">Whether capitals in keys count as small letters.</param>
internal sealed record NamedRows(string Name, bool Folds, IReadOnlyDictionary<string, string> Rows);

/// <summary>An engine that takes any number of tables.</summary>
internal interface IManyTables
{
    /// <summary>Makes tables in the engine, which is up.</summary>
    void Add(IReadOnlyList<NamedRows> tables);

    /// <summary>One of these tables as a value of opendkim.conf.</summary>
    string Setting(NamedRows table);
}
