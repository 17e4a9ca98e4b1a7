using System.Text;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Files;

/// <summary>A new file that only its owner can read.</summary>
public static class TemporaryFile
{
    /// <summary>Writes octets to a file whose name is the prefix, a dot and six characters of chance, and gives its
    /// path. Characters of the prefix that a file name should not have become underscores.</summary>
    /// <exception cref="IOException">It cannot be made or written.</exception>
    public static unsafe string Write(string directory, string prefix, ReadOnlySpan<byte> octets)
    {
        var name = string.Concat(prefix.Select(
            letter => char.IsAsciiLetterOrDigit(letter) || letter is '.' or '-' or '_' ? letter : '_'));
        var path = Libc.Text($"{directory}/{name}.XXXXXX");
        fixed (byte* template = path)
        {
            var descriptor = Libc.mkostemp(template, Libc.O_CLOEXEC);
            if (descriptor < 0)
                throw new IOException($"{directory}: no file can be made: {Libc.Describe(Libc.LastError)}");
            var written = Libc.WriteAll(descriptor, octets);
            var error = Libc.LastError;
            _ = Libc.close(descriptor);
            var made = Encoding.UTF8.GetString(path.AsSpan(0, path.Length - 1));
            return written ? made : throw new IOException($"{made}: {Libc.Describe(error)}");
        }
    }
}
