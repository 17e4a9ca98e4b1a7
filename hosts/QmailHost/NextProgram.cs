using Dkim.Core.Programs.Qmail;
using Dkim.Core.Words;
using Dkim.Hosting;

namespace Dkim.QmailHost;

/// <summary>The program that this process becomes: it gets our descriptors, environment and process, so its exit code is
/// ours.</summary>
internal sealed unsafe class NextProgram
{
    private const int CreationMask = 0x1B;

    // Signals of terminals and limits do not end us in the middle of a message: HUP, INT, QUIT, XCPU, XFSZ, VTALRM, PROF.
    private static ReadOnlySpan<int> Deferred => [1, 2, 3, 24, 25, 26, 27];

    private readonly nint[] before = new nint[Deferred.Length];

    /// <summary>Makes the process what qmail's programs expect to be in: the home, the file creation mask, no signal
    /// blocked.</summary>
    public NextProgram(string home)
    {
        _ = Libc.umask(CreationMask);
        for (var i = 0; i < Deferred.Length; i++)
        {
            before[i] = Libc.signal(Deferred[i], Libc.SIG_IGN);
        }

        fixed (byte* path = Libc.Octets(home))
        {
            if (Libc.chdir(path) != 0)
            {
                throw QueueFault.OfSystem(QmailExit.NoHome, "the qmail home " + home, Libc.LastError);
            }
        }

        // Where the caller closed them, the runtime's own files (closed on exec) have got their numbers, or ours would.
        if (!StandardStreams.IsOfCaller(0) || !StandardStreams.IsOfCaller(1))
        {
            throw new QueueFault(QmailExit.CannotRead, "descriptor 0 or 1, with message and envelope, is closed");
        }
    }

    /// <summary>Becomes the program. Returns only by an exception.</summary>
    public void Become(string path)
    {
        for (var i = 0; i < Deferred.Length; i++)
        {
            _ = Libc.signal(Deferred[i], before[i]);
        }

        // Rights that the file gave us to read keys are not for the next program, which may be anybody's.
        var (user, group) = (Libc.getuid(), Libc.getgid());
        if (Libc.setresgid(group, group, group) != 0 || Libc.setresuid(user, user, user) != 0)
        {
            throw QueueFault.OfSystem(QmailExit.Internal, "the ids of the caller", Libc.LastError);
        }

        // The runtime ignores it, which the next program would inherit.
        _ = Libc.signal(Libc.SIGPIPE, Libc.SIG_DFL);
        var none = default(SignalSet);
        _ = Libc.pthread_sigmask(Libc.SIG_SETMASK, &none, null);
        fixed (byte* program = Libc.Octets(path))
        {
            var arguments = stackalloc byte*[2];
            arguments[0] = program;
            arguments[1] = null;
            _ = Libc.execv(program, arguments);
        }

        throw QueueFault.OfSystem(QmailExit.CannotExecute, "the next program " + path, Libc.LastError);
    }
}
