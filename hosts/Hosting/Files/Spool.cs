using System.Buffers;
using Dkim.Hosting.Native;
using Microsoft.Win32.SafeHandles;

namespace Dkim.Hosting.Files;

/// <summary>The file system had no room for a spooled message (ENOSPC or EDQUOT).</summary>
public sealed class SpoolFullException(string directory, int error)
    : IOException($"no room for a message in {directory}: {Libc.Describe(error)}");

/// <summary>Where messages wait: in memory while they are short and memory for them is left, else in unlinked files.
/// One per process.</summary>
/// <param name="directory">Where the files are made; nobody ever sees them there.</param>
/// <param name="perMessage">Octets of one message kept in memory.</param>
/// <param name="inAll">Octets of all messages kept in memory at once.</param>
public sealed class SpoolArea(string directory, int perMessage = 1 << 20, long inAll = 32 << 20)
{
    private long reserved;

    /// <summary>The area in the directory that TMPDIR names, else in /tmp.</summary>
    public SpoolArea()
        : this(Path.GetTempPath())
    {
    }

    internal string Directory { get; } = directory;

    /// <summary>An empty spool. It may be used by one task at a time and must be disposed of.</summary>
    public Spool Open() => new(this);

    internal bool TryReserve(int octets, long held)
    {
        if (held + octets > perMessage)
        {
            return false;
        }

        if (Interlocked.Add(ref reserved, octets) <= inAll)
        {
            return true;
        }

        Interlocked.Add(ref reserved, -octets);
        return false;
    }

    internal void Release(long octets) => Interlocked.Add(ref reserved, -octets);

    internal SafeFileHandle CreateFile()
    {
        var fd = Libc.Open(Directory, Libc.O_TMPFILE | Libc.O_RDWR | Libc.O_EXCL, 0x180);
        if (fd < 0 && Libc.LastError is Libc.EOPNOTSUPP or Libc.EISDIR or Libc.EINVAL)
        {
            fd = CreateUnlinked();
        }

        if (fd < 0)
        {
            var error = Libc.LastError;
            throw error is Libc.ENOSPC or Libc.EDQUOT
                ? new SpoolFullException(Directory, error)
                : new IOException($"no temporary file can be made in {Directory}: {Libc.Describe(error)}");
        }

        return new SafeFileHandle(fd, ownsHandle: true);
    }

    private unsafe int CreateUnlinked()
    {
        fixed (byte* name = Libc.Text(Path.Combine(Directory, "spool.XXXXXX")))
        {
            var fd = Libc.mkostemp(name, Libc.O_CLOEXEC);
            if (fd >= 0)
            {
                _ = Libc.unlink(name);
            }

            return fd;
        }
    }
}

/// <summary>The octets of one message, appended once and read as often as wanted.</summary>
public sealed class Spool : IDisposable
{
    private const int PieceSize = 32 * 1024;
    private const int FirstPieceSize = 8 * 1024;
    private readonly SpoolArea area;

    // All pieces but the last are full. Once there is a file, the one piece left collects what goes there next.
    private readonly List<byte[]> pieces = [];
    private SafeFileHandle? file;
    private long written;
    private int inLast;
    private long reserved;
    private bool disposed;

    internal Spool(SpoolArea area) => this.area = area;

    /// <summary>Octets appended so far.</summary>
    public long Length { get; private set; }

    /// <summary>True once the message has gone to a file.</summary>
    public bool OnDisk => file is not null;

    /// <summary>Appends octets.</summary>
    /// <exception cref="SpoolFullException">The disk is full; the spool is of no use after that.</exception>
    /// <exception cref="IOException">It fails otherwise; the spool is of no use after that.</exception>
    public void Append(ReadOnlySpan<byte> octets)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        while (octets.Length > 0)
        {
            if (pieces.Count == 0 || inLast == pieces[^1].Length)
            {
                MakeRoom();
            }

            var room = pieces[^1].AsSpan(inLast);
            var count = Math.Min(room.Length, octets.Length);
            octets[..count].CopyTo(room);
            octets = octets[count..];
            inLast += count;
            Length += count;
        }
    }

    /// <summary>Copies octets from <paramref name="offset"/> on; the number copied, 0 at the end.</summary>
    public int Read(long offset, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        if (offset >= Length || destination.Length == 0)
        {
            return 0;
        }

        if (offset < written)
        {
            var wanted = destination[..(int)Math.Min(destination.Length, written - offset)];
            return RandomAccess.Read(file!, wanted, offset);
        }

        var at = offset - written;
        var piece = 0;
        while (at >= pieces[piece].Length)
        {
            at -= pieces[piece].Length;
            piece++;
        }

        var end = piece == pieces.Count - 1 ? inLast : pieces[piece].Length;
        var found = pieces[piece].AsSpan((int)at, end - (int)at);
        var count = Math.Min(found.Length, destination.Length);
        found[..count].CopyTo(destination);
        return count;
    }

    /// <summary>Gives memory and file back.</summary>
    public void Dispose()
    {
        if (disposed)
        {
            return;
        }

        disposed = true;
        pieces.ForEach(piece => ArrayPool<byte>.Shared.Return(piece));
        pieces.Clear();
        area.Release(reserved);
        file?.Dispose();
    }

    private void MakeRoom()
    {
        // Doubling up to the full size: short messages take little, and the sum is always a multiple of a piece.
        var size = (int)Math.Clamp(Length, FirstPieceSize, PieceSize);
        if (file is null && area.TryReserve(size, Length))
        {
            reserved += size;
            pieces.Add(ArrayPool<byte>.Shared.Rent(size));
            inLast = 0;
            return;
        }

        file ??= area.CreateFile();
        for (var i = 0; i < pieces.Count; i++)
        {
            WriteOut(i == pieces.Count - 1 ? pieces[i].AsSpan(0, inLast) : pieces[i]);
        }

        KeepOnePiece();
        inLast = 0;
    }

    private void KeepOnePiece()
    {
        if (pieces.Count == 1 && pieces[0].Length >= PieceSize)
        {
            return;
        }

        pieces.ForEach(piece => ArrayPool<byte>.Shared.Return(piece));
        pieces.Clear();
        area.Release(reserved);
        reserved = 0;
        pieces.Add(ArrayPool<byte>.Shared.Rent(PieceSize));
    }

    private unsafe void WriteOut(ReadOnlySpan<byte> octets)
    {
        fixed (byte* start = octets)
        {
            var done = 0;
            while (done < octets.Length)
            {
                var fd = (int)file!.DangerousGetHandle();
                var count = Libc.pwrite(fd, start + done, (nuint)(octets.Length - done), written);
                if (count < 0 && Libc.LastError != Libc.EINTR)
                {
                    var error = Libc.LastError;
                    throw error is Libc.ENOSPC or Libc.EDQUOT
                        ? new SpoolFullException(area.Directory, error)
                        : new IOException($"a message cannot be written in {area.Directory}: {Libc.Describe(error)}");
                }

                done += Math.Max(0, (int)count);
                written += Math.Max(0, (int)count);
            }
        }
    }
}
