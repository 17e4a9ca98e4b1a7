using Dkim.Core.Dns;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting.Names;
using Dkim.Hosting.Processes;
using Dkim.Hosting.Resolving;

namespace Dkim.Hosting.Service;

/// <summary>What the settings that every service has need of the machine. Each step says for which setting, by the name that
/// its program has for it; a start ends at the first that fails, a check goes on.</summary>
public static class ServiceNeeds
{
    /// <summary>The account that it serves as; where the settings name none, the present.</summary>
    public static Account FindAccount(ServiceSettings settings)
    {
        const string User = "name a user of the machine, as getent passwd lists them";
        var named = settings.User.IsSome ? settings.User.Value : new AccountName(default, default);
        var user = named.User.OrNull();
        var group = settings.Group.OrNull() ?? named.Group.OrNull();
        if (settings.Names.OwnGroup.OrNull() is not { } ownGroup)
            return StartupException.For(settings.Names.Account, $"{User}, and a group", () => Account.Find(user, group));
        if (group is not null)
            FindGroup(ownGroup, group);
        return StartupException.For(settings.Names.Account, User, () => Account.Find(user, group));
    }

    /// <summary>The id of the group that a setting names.</summary>
    public static uint FindGroup(string setting, string group) => StartupException.For(
        setting, "name a group of the machine, as getent group lists them", () => Account.FindGroup(group));

    /// <summary>Becomes an account for good.</summary>
    public static void Become(ServiceSettings settings, Account account) =>
        StartupException.For(settings.Names.Account, "start as root, or as this user", account.Become);

    /// <summary>Whether a start by this process serves as an account that is known by now: the superuser may be told of
    /// another by the service manager.</summary>
    public static bool KnowsAccount(ServiceSettings settings) =>
        !OwnProcess.IsRoot || ServiceSettingsModule.namesAccount(settings);

    /// <summary>The source of DNS answers.</summary>
    /// <param name="recordOctets">The longest TXT record to take.</param>
    public static ResolverSource Resolver(ServiceSettings settings, int recordOctets) => new(
        settings.TestKeys.OrNull(),
        new ResolverSettings
        {
            Kind = settings.Resolver,
            Forwarders = [.. settings.Nameservers],
            TrustAnchorFile = settings.TrustAnchorFile.OrNull(),
            Caching = settings.KeepsAnswers,
            RecordOctets = recordOctets,
            Time = LookupBudgetModule.timeOf(settings.DnsTimeout),
        },
        settings.Names);
}
