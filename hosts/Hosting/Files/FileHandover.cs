using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Dkim.Core.Asking;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Core.Words;
using Dkim.Hosting.Native;
using Microsoft.Win32.SafeHandles;

namespace Dkim.Hosting.Files;

/// <summary>Files that one process has read and a copy of it gets in memory: the copy may not read them, being another
/// user, or cannot, standard input being one of them. With them goes the directory where their paths start. A copy that
/// has read files anew leaves them to those that come after it.</summary>
public sealed class FileHandover : IDisposable
{
    private const string Variable = "HOST_FILES_DESCRIPTOR";
    private const uint OwnerOnly = 0x180;

    // Where the files lie that a copy has left, and how many octets they take; zeros while there are none.
    private const int HeadSize = 2 * sizeof(long);
    private readonly SafeFileHandle memory;
    private readonly long endOfStart;

    // What is left is of a later start; else it is of the same one, with data sets that have changed since.
    private bool hasLater;

    /// <summary>Takes the files of the last start into memory that has no name.</summary>
    /// <exception cref="StartupException">There is no such memory.</exception>
    public FileHandover(SettingsFiles files)
    {
        memory = Open();
        Files = files;
        using var octets = new MemoryStream();
        octets.Write(new byte[HeadSize]);
        using var writer = new BinaryWriter(octets, Encoding.UTF8);
        writer.Write(files.Directory);
        Write(files, writer);
        endOfStart = octets.Length;
        RandomAccess.Write(memory, octets.GetBuffer().AsSpan(0, (int)octets.Length), 0);
    }

    private FileHandover(SafeFileHandle memory)
    {
        this.memory = memory;
        using var octets = new MemoryStream(Octets());
        using var reader = new BinaryReader(octets, Encoding.UTF8);
        octets.Position = HeadSize;
        var directory = reader.ReadString();
        var given = Read(reader);
        endOfStart = octets.Position;
        octets.Position = PlaceOfLeft(out var length);
        if (length > 0)
        {
            hasLater = reader.ReadBoolean();
            var left = Read(reader);
            Files = hasLater ? new SettingsFiles(directory, given, left) : new SettingsFiles(directory, left);
            return;
        }

        Files = new SettingsFiles(directory, given);
    }

    /// <summary>The files; in a copy they are still to be supplied.</summary>
    public SettingsFiles Files { get; }

    /// <summary>What was handed to this process, if anything was. It can be taken once.</summary>
    public static FileHandover? Take()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } text
            || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var descriptor))
        {
            return null;
        }

        Environment.SetEnvironmentVariable(Variable, null);
        _ = Libc.fcntl(descriptor, Libc.F_SETFD, Libc.FD_CLOEXEC);
        return new FileHandover(new SafeFileHandle(descriptor, ownsHandle: true));
    }

    /// <summary>Leaves the files of the last start to the copies that come after this process.</summary>
    /// <param name="isLater">That start came after the one of this process; else some data sets of it have changed.</param>
    /// <exception cref="IOException">There is no memory for them; what was left before still holds.</exception>
    public void Leave(bool isLater)
    {
        using var octets = new MemoryStream();
        using var writer = new BinaryWriter(octets, Encoding.UTF8);
        writer.Write(hasLater || isLater);
        Write(Files, writer);

        // Never over those that hold: this process may end before the last octet, and half of the files is none. The
        // head is short enough to be written as a whole.
        var old = PlaceOfLeft(out var oldLength);
        var place = octets.Length <= old - endOfStart ? endOfStart : old + oldLength;
        RandomAccess.Write(memory, octets.GetBuffer().AsSpan(0, (int)octets.Length), place);
        var head = new byte[HeadSize];
        BinaryPrimitives.WriteInt64LittleEndian(head, place);
        BinaryPrimitives.WriteInt64LittleEndian(head.AsSpan(sizeof(long)), octets.Length);
        RandomAccess.Write(memory, head, 0);
        RandomAccess.SetLength(memory, place + octets.Length);
        hasLater |= isLater;
    }

    public void Dispose() => memory.Dispose();

    /// <summary>Lets a copy find the files.</summary>
    internal void Announce(IDictionary<string, string> environment, ICollection<int> inherited)
    {
        var descriptor = (int)memory.DangerousGetHandle();
        environment[Variable] = descriptor.ToString(CultureInfo.InvariantCulture);
        inherited.Add(descriptor);
    }

    // Not by the descriptor's place, which all copies share.
    private byte[] Octets()
    {
        var octets = new byte[RandomAccess.GetLength(memory)];
        var length = 0;
        while (length < octets.Length && RandomAccess.Read(memory, octets.AsSpan(length), length) is var count and > 0)
            length += count;
        return octets;
    }

    private long PlaceOfLeft(out long length)
    {
        Span<byte> head = stackalloc byte[HeadSize];
        _ = RandomAccess.Read(memory, head, 0);
        length = BinaryPrimitives.ReadInt64LittleEndian(head[sizeof(long)..]);
        return length > 0 ? BinaryPrimitives.ReadInt64LittleEndian(head) : endOfStart;
    }

    private static unsafe SafeFileHandle Open()
    {
        fixed (byte* name = "files\0"u8)
        {
            var descriptor = Libc.memfd_create(name, Libc.MFD_CLOEXEC);

            // Else whoever finds the descriptor's path could open it.
            return descriptor >= 0 && Libc.fchmod(descriptor, OwnerOnly) == 0
                ? new SafeFileHandle(descriptor, ownsHandle: true)
                : throw new StartupException(
                    StartupFault.Daemon, $"no memory for files: {Libc.Describe(Libc.LastError)}");
        }
    }

    private static void Write(SettingsFiles files, BinaryWriter writer)
    {
        writer.Write(files.Found.Count);
        foreach (var (file, contents) in files.Found)
        {
            writer.Write(file.Path);
            writer.Write((int)file.Kind);
            writer.Write(contents.Problem.IsSome ? contents.Problem.Value : "");
            writer.Write(contents.Octets.Length);
            writer.Write(contents.Octets.Span);
            files.MarkOf(file).Write(writer);
        }
    }

    private static Dictionary<WantedFile, HandedFile> Read(BinaryReader reader)
    {
        var files = new Dictionary<WantedFile, HandedFile>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var file = new WantedFile(reader.ReadString(), (FileKind)reader.ReadInt32());
            var problem = reader.ReadString();
            var octets = reader.ReadBytes(reader.ReadInt32());
            var contents = problem.Length > 0 ? FileContents.Unreadable(problem) : FileContents.Found(octets);
            files[file] = new HandedFile(file, contents, FileMark.Read(reader));
        }

        return files;
    }
}
