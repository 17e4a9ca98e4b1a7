/// How programs end when they cannot go on: the exit codes of sysexits.h, and what keeps a service from starting.
namespace Dkim.Core.Programs.Running

/// What of the machine kept a program from starting.
type StartupFault =
    /// No such user or group.
    | Account = 0
    /// The change of user or group failed, or did not hold.
    | Privileges = 1
    /// An address cannot be read, or cannot be listened at.
    | Address = 2
    /// The pid file names a live process.
    | AlreadyRunning = 3
    /// The pid file cannot be written.
    | PidFile = 4
    /// The process could not be started in the background.
    | Daemon = 5
    /// The DNS library refuses a setting.
    | Resolver = 6
    /// The log file cannot be written.
    | LogFile = 7
    /// A directory cannot be entered.
    | Directory = 8
    /// A library or a database of the machine cannot be used.
    | Database = 9
    /// A store of data sets does not answer, and the settings do not allow to start without it.
    | Store = 10

module SysExit =
    /// EX_USAGE: the command line cannot be.
    [<Literal>]
    let Usage = 64

    /// EX_DATAERR: the input is none, or a name in the settings is unknown here.
    [<Literal>]
    let DataError = 65

    /// EX_NOINPUT: a file that was named cannot be read.
    [<Literal>]
    let NoInput = 66

    /// EX_UNAVAILABLE
    [<Literal>]
    let Unavailable = 69

    /// EX_SOFTWARE
    [<Literal>]
    let Software = 70

    /// EX_OSERR
    [<Literal>]
    let System = 71

    /// EX_CANTCREAT: a file cannot be made.
    [<Literal>]
    let CannotCreate = 73

    /// EX_IOERR
    [<Literal>]
    let InputOutput = 74

    /// EX_TEMPFAIL
    [<Literal>]
    let Temporary = 75

    /// EX_NOPERM
    [<Literal>]
    let NoPermission = 77

    /// EX_CONFIG: settings are wrong.
    [<Literal>]
    let Configuration = 78

    /// The exit code of a milter that cannot start.
    let ofFault (fault: StartupFault) : int =
        match fault with
        | StartupFault.Account -> DataError
        | StartupFault.Privileges -> NoPermission
        | StartupFault.Address
        | StartupFault.AlreadyRunning
        | StartupFault.PidFile
        | StartupFault.Database -> Unavailable
        | StartupFault.Daemon -> System
        | StartupFault.Resolver
        | StartupFault.LogFile
        | StartupFault.Directory
        | StartupFault.Store -> Configuration
        | _ -> Software
