using System.Runtime.InteropServices;
using Dkim.Core.Programs.Qmail;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting;

namespace Dkim.QmailHost;

/// <summary>The message on descriptor 0, kept in memory up to 1 MiB and then in a file without a name, until it becomes
/// the next program's descriptor 0 with other octets in place of its first.</summary>
internal sealed unsafe class Message(string directory, TimeProvider clock)
{
    private const int FirstPiece = 32 * 1024;
    private const int Piece = 128 * 1024;

    private byte[] buffer = GC.AllocateUninitializedArray<byte>(FirstPiece);
    private int held;
    private int file = -1;
    private long written;

    /// <summary>The octets of the next piece of the message; none at its end.</summary>
    /// <param name="deadline">In milliseconds of <see cref="Clock.Milliseconds"/>.</param>
    public ReadOnlySpan<byte> ReadNext(long deadline)
    {
        if (held == buffer.Length)
        {
            MakeRoom();
        }

        var count = Read(buffer.AsSpan(held), deadline);
        held += count;
        return buffer.AsSpan(held - count, count);
    }

    /// <summary>Puts a descriptor in the place of descriptor 0 from which <paramref name="head"/> is read, and then the
    /// message without its first octets.</summary>
    public void Replace(ReadOnlySpan<byte> head, long replaced)
    {
        if (file < 0)
        {
            file = CreateMemory();
            WriteAt(head, 0);
            WriteAt(buffer.AsSpan((int)replaced, held - (int)replaced), head.Length);
            Settle(0);
            return;
        }

        Flush();
        var start = QmailLimits.HeadRoom + replaced - head.Length;
        if (start < 0)
        {
            throw new QueueFault(QmailExit.Internal, "no room before the message");
        }

        WriteAt(head, start);
        Settle(start);
    }

    private void Settle(long start)
    {
        if (Libc.lseek(file, start, Libc.SEEK_SET) != start || Libc.dup2(file, 0) != 0)
        {
            throw QueueFault.OfSystem(QmailExit.NoTemporaryFile, "the message as descriptor 0", Libc.LastError);
        }
    }

    private int Read(Span<byte> target, long deadline)
    {
        while (true)
        {
            var left = deadline - clock.Milliseconds();
            var entry = new PollEntry { Descriptor = 0, Events = Libc.POLLIN };
            var ready = left <= 0 ? 0 : Libc.poll(&entry, 1, (int)Math.Min(left, int.MaxValue));
            if (ready == 0)
            {
                throw new QueueFault(QmailExit.Timeout, "the message did not arrive within a day");
            }

            fixed (byte* start = target)
            {
                var count = ready < 0 ? -1 : Libc.read(0, start, (nuint)target.Length);
                if (count >= 0)
                {
                    return (int)count;
                }
            }

            if (Libc.LastError is not (Libc.EINTR or Libc.EAGAIN))
            {
                throw QueueFault.OfSystem(QmailExit.CannotRead, "the message on descriptor 0", Libc.LastError);
            }
        }
    }

    private void MakeRoom()
    {
        if (file < 0 && buffer.Length < QmailLimits.InMemory)
        {
            var larger = GC.AllocateUninitializedArray<byte>(Math.Min(QmailLimits.InMemory, buffer.Length * 4));
            buffer.CopyTo(larger, 0);
            buffer = larger;
            return;
        }

        if (file < 0)
        {
            file = CreateFile();
            Flush();
            buffer = GC.AllocateUninitializedArray<byte>(Piece);
            return;
        }

        Flush();
    }

    private void Flush()
    {
        // The hole before it takes no room.
        WriteAt(buffer.AsSpan(0, held), QmailLimits.HeadRoom + written);
        written += held;
        held = 0;
    }

    private void WriteAt(ReadOnlySpan<byte> octets, long offset)
    {
        fixed (byte* start = octets)
        {
            for (var done = 0; done < octets.Length;)
            {
                var count = Libc.pwrite(file, start + done, (nuint)(octets.Length - done), offset + done);
                if (count <= 0 && Libc.LastError != Libc.EINTR)
                {
                    throw QueueFault.OfSystem(QmailExit.CannotWrite, "a temporary file in " + directory, Libc.LastError);
                }

                done += Math.Max(0, (int)count);
            }
        }
    }

    private static int CreateMemory()
    {
        fixed (byte* name = "message\0"u8)
        {
            return Checked(Libc.memfd_create(name, Libc.MFD_CLOEXEC), "in memory");
        }
    }

    private int CreateFile()
    {
        var fd = Unix.Open(directory, Libc.O_TMPFILE | Libc.O_RDWR | Libc.O_EXCL);
        var other = fd < 0 && Libc.LastError is Libc.EOPNOTSUPP or Libc.EISDIR or Libc.EINVAL;
        return Checked(other ? CreateUnlinked() : fd, "in " + directory);
    }

    private int CreateUnlinked()
    {
        fixed (byte* name = Libc.Octets(directory + "/qmail-dk.XXXXXX"))
        {
            var fd = Libc.mkostemp(name, Libc.O_CLOEXEC);
            if (fd >= 0)
            {
                _ = Libc.unlink(name);
            }

            return fd;
        }
    }

    private static int Checked(int fd, string place) =>
        fd >= 0 ? fd : throw QueueFault.OfSystem(QmailExit.NoTemporaryFile, "a temporary file " + place, Libc.LastError);
}
