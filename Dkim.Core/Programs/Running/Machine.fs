/// What a start needs to know of the machine.
namespace Dkim.Core.Programs.Running

/// What a start needs to know of the machine.
type Machine =
    {
        /// The fully qualified name of the host.
        HostName: string
    }
