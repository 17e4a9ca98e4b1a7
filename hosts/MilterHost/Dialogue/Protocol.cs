namespace Dkim.MilterHost.Dialogue;

/// <summary>What an MTA says, by the octet behind the length of its packet.</summary>
internal enum Command : byte
{
    Abort = (byte)'A',
    Body = (byte)'B',
    Connect = (byte)'C',
    Macros = (byte)'D',
    EndOfBody = (byte)'E',
    Helo = (byte)'H',
    QuitForAnother = (byte)'K',
    Field = (byte)'L',
    Mail = (byte)'M',
    EndOfHeader = (byte)'N',
    Negotiate = (byte)'O',
    Quit = (byte)'Q',
    Recipient = (byte)'R',
    Data = (byte)'T',
    Unknown = (byte)'U',
}

/// <summary>What a milter says.</summary>
internal enum Reply : byte
{
    AddRecipient = (byte)'+',
    RemoveRecipient = (byte)'-',
    Accept = (byte)'a',
    Continue = (byte)'c',
    Discard = (byte)'d',
    AddField = (byte)'h',
    InsertField = (byte)'i',
    ChangeField = (byte)'m',
    Negotiate = (byte)'O',
    Progress = (byte)'p',
    Quarantine = (byte)'q',
    Skip = (byte)'s',
    TempFail = (byte)'t',
    ReplyCode = (byte)'y',
}

/// <summary>What a milter may do to a message.</summary>
[Flags]
internal enum Actions : uint
{
    None = 0,
    AddFields = 0x01,
    AddRecipients = 0x04,
    RemoveRecipients = 0x08,
    ChangeFields = 0x10,
    Quarantine = 0x20,
    ChooseMacros = 0x100,
}

/// <summary>How the dialogue is shortened.</summary>
[Flags]
internal enum Steps : uint
{
    None = 0,
    NoHelo = 0x02,
    SilentField = 0x80,
    NoUnknown = 0x100,
    NoData = 0x200,

    /// <summary>The milter may say that it wants no more of a body.</summary>
    Skip = 0x400,
    SilentConnect = 0x1000,
    SilentHelo = 0x2000,
    SilentMail = 0x4000,
    SilentRecipient = 0x8000,
    SilentData = 0x10000,
    SilentUnknown = 0x20000,
    SilentEndOfHeader = 0x40000,
    SilentBody = 0x80000,

    /// <summary>Values of fields come and go with the space behind the colon.</summary>
    KeepSpace = 0x100000,
}
