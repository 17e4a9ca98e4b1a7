/// Files with secrets that a reload could not read again.
namespace Dkim.Core.Programs.Running

/// How a file that a reload could not read compares with what was read of it before.
type SecretChange =
    /// It is the same file, as far as the file system tells.
    | Same = 0
    /// Another file, other content, or gone.
    | Changed = 1
    /// This user cannot even look at it.
    | Hidden = 2

/// A file that holds a secret and whose earlier content had to do, since a reload could not read it.
[<Struct>]
type KeptSecret =
    {
        Path: string
        /// Why it could not be read.
        Reason: string
        Change: SecretChange
    }

module internal KeptSecret =
    /// That it could not be read.
    let unread (kept: KeptSecret) =
        kept.Path + " cannot be read again (" + kept.Reason + ")"

    /// Why a reload must not go on with what was read of it before; nothing where the file is the same for all that is
    /// known.
    let refusal (kept: KeptSecret) : string option =
        match kept.Change with
        | SecretChange.Changed -> Some(unread kept + " and has changed: let this user read it, or restart")
        | _ -> None
