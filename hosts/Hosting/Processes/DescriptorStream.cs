using Dkim.Hosting.Native;

namespace Dkim.Hosting.Processes;

/// <summary>A standard stream, read or written with the system's own calls. It is never closed, and waits where another
/// process has made it non-blocking, as terminals and pipes are shared.</summary>
internal sealed unsafe class DescriptorStream(int descriptor) : Stream
{
    public override bool CanRead => descriptor == 0;

    public override bool CanWrite => descriptor != 0;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <exception cref="IOException">It cannot be read.</exception>
    public override int Read(Span<byte> buffer)
    {
        RequireOpen("standard input");
        fixed (byte* start = buffer)
        {
            while (true)
            {
                var count = Libc.read(descriptor, start, (nuint)buffer.Length);
                if (count >= 0)
                    return (int)count;
                if (!Libc.WaitsAfter(Libc.LastError, descriptor, Libc.POLLIN))
                    throw new IOException("standard input: " + Libc.Describe(Libc.LastError));
            }
        }
    }

    /// <exception cref="ReaderGoneException">Nobody reads it any more.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public override void Write(ReadOnlySpan<byte> buffer)
    {
        RequireOpen("standard output");
        if (Libc.WriteAll(descriptor, buffer))
            return;
        throw Libc.LastError == Libc.EPIPE
            ? new ReaderGoneException()
            : new IOException("standard output: " + Libc.Describe(Libc.LastError));
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    private void RequireOpen(string name)
    {
        if (!StandardStreams.IsOfCaller(descriptor))
            throw new IOException($"{name}: {Libc.Describe(Libc.EBADF)}");
    }
}
