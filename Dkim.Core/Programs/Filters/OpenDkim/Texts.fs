/// What the manual pages of opendkim say besides its settings.
module internal Dkim.Core.Programs.Filters.OpenDkim.Texts

open Dkim.Core.Programs.Settings

let openDkim: ProgramText =
    {
        Name = "opendkim"
        Section = 8
        OneLine = "DKIM filter with the options and files of OpenDKIM"
        Command = ""
        Operands = ""
        Description =
            [
                "opendkim takes the place of the filter of OpenDKIM 2.10 and 2.11: it reads the same file, the same tables and \
                 the same options, makes the same decisions and says the same lines. What is different, docs/opendkim.md \
                 tells. It is dkim-filter(8) under another name."
                "A message that comes from a client of ours is signed with the keys that SigningTable has for its sender, or \
                 with KeyFile where Domain has the sender's domain; every other message is verified. It comes from a client of \
                 ours if the client is in InternalHosts or has authenticated, if it came in by a daemon of MTA, or if a macro \
                 of MacroList is set."
                "Of a data set, the text before the first colon is its kind. csl: is a list between commas of KEY or KEY=VALUE; \
                 file: names a file with KEY VALUE on each line; refile: names a file whose keys are patterns, * being any \
                 text. Without a kind a value that begins with / is a file, any other a list. Capitals count as small letters, \
                 but for the names of keys. A # begins a comment."
                "On SIGUSR1 and SIGHUP the file and the tables are read again. If anything is wrong with them, the log says so \
                 and everything stays as it was. Keys that tables name are read when a message needs them, and again when they \
                 have changed: no signal is needed for them."
            ]
        Exits =
            [
                0, "Stopped by a signal, -V, put into the background, or -n and all is well."
                64, "The command line cannot be, or a query of -Q."
                65, "There is no such user or group, or no such key for -e."
                69, "The socket cannot be opened, or a file of -t, or there were too many restarts."
                70, "A data set of -Q cannot be opened, or something that must not happen."
                71, "No other process could be started."
                77, "The change to the user did not succeed."
                78, "A setting is missing or wrong, or a file that one names."
            ]
        Examples =
            [
                "Would it start, and what is wrong with the tables?", [ "opendkim -n -x /etc/opendkim.conf" ]
                "What does SigningTable have for a sender?",
                [
                    "printf 'refile:/etc/opendkim/SigningTable\\njoe@example.com/1\\n' | opendkim -Q"
                ]
            ]
        SeeAlso = [ "dkim", 1; "dkim-filter", 8; "opendkim.conf", 5 ]
    }

/// The page of the file.
let openDkimConf: ProgramText =
    {
        Name = "opendkim.conf"
        Section = 5
        OneLine = "settings of opendkim"
        Command = ""
        Operands = ""
        Description =
            [
                "Each line of the file has a key, blanks, and a value, which is all that stands behind them. Keys may be in \
                 any case. A # begins a comment, wherever it stands. Of several lines with the same key the last counts. Numbers \
                 may be decimal, octal with a leading 0, or hexadecimal with a leading 0x. Of yes and no the first letter is \
                 enough. DATASET is what opendkim(8) says of data sets."
                "Include FILE takes in another file at its place, up to five levels deep."
            ]
        Exits = []
        Examples =
            [
                "Sign the mail of many domains and verify all other mail:",
                [
                    "KeyTable       file:/etc/opendkim/KeyTable"
                    "SigningTable   refile:/etc/opendkim/SigningTable"
                    "InternalHosts  file:/etc/opendkim/TrustedHosts"
                    "Socket         local:/run/opendkim/opendkim.sock"
                    "UserID         opendkim"
                    "Syslog         yes"
                ]
            ]
        SeeAlso = [ "opendkim", 8 ]
    }
