using System.IO.Compression;
using Dkim.Core.Asking;
using Dkim.Core.MailFiles;
using Dkim.Core.Programs.Tool.Running;

namespace Dkim.ToolHost;

/// <summary>A file with mail, read piece by piece. A plain file ends where it ended when it was opened: a mailbox may grow
/// for as long as mail comes in.</summary>
internal sealed class MailSource(Func<Stream> open, Func<Exception, string> describe) : IMailSource, IDisposable
{
    // Otherwise what is cut off ends like what is whole.
    static MailSource() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    private readonly byte[] piece = new byte[MailLimits.Piece];
    private FileOctets? octets;
    private Stream? stream;
    private int last;

    public FileContents Next()
    {
        try
        {
            stream ??= octets = new FileOctets(open());
            last = stream.ReadAtLeast(piece, piece.Length, throwOnEndOfStream: false);
            return FileContents.Found(piece.AsMemory(0, last));
        }
        catch (InvalidDataException)
        {
            return FileContents.Unreadable("what gzip made is damaged or cut off");
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return FileContents.Unreadable(describe(failure));
        }
    }

    public void Unpack()
    {
        octets!.PutBack(piece.AsSpan(0, last).ToArray());
        stream = new GZipStream(octets, CompressionMode.Decompress);
    }

    public void Close() => Dispose();

    public void Dispose()
    {
        stream?.Dispose();
        octets?.Dispose();
    }

    /// <summary>What is left of a file, with octets put back in front.</summary>
    private sealed class FileOctets(Stream file) : Stream
    {
        // A file of the system, such as those of /proc, has no length of its own.
        private long left = file.CanSeek && file.Length > 0 ? file.Length : long.MaxValue;
        private ReadOnlyMemory<byte> front;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public void PutBack(ReadOnlyMemory<byte> read) => front = read;

        public override int Read(Span<byte> buffer)
        {
            var count = Math.Min(buffer.Length, front.Length);
            if (count > 0)
            {
                front.Span[..count].CopyTo(buffer);
                front = front[count..];
                return count;
            }

            count = file.Read(buffer[..(int)Math.Min(buffer.Length, left)]);
            left -= count;
            return count;
        }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        protected override void Dispose(bool disposing)
        {
            file.Dispose();
            base.Dispose(disposing);
        }
    }
}
