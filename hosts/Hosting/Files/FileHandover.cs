using System.Globalization;
using System.Text;
using Dkim.Core;
using Microsoft.Win32.SafeHandles;

namespace Dkim.Hosting;

/// <summary>Files that one process has read and a copy of it gets in memory: the copy may not read them, being another
/// user, or cannot, standard input being one of them. With them goes the directory where their paths start.</summary>
public sealed class FileHandover : IDisposable
{
    private const string Variable = "HOST_FILES_DESCRIPTOR";
    private const uint CloseOnExec = 1;
    private readonly SafeFileHandle memory;

    /// <summary>Takes the files into memory that has no name.</summary>
    /// <exception cref="StartupException">There is no such memory.</exception>
    public FileHandover(SettingsFiles files)
    {
        memory = Open();
        using var octets = new MemoryStream();
        using (var writer = new BinaryWriter(octets, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(files.Directory);
            Write(files.Found, writer);
        }

        RandomAccess.Write(memory, octets.GetBuffer().AsSpan(0, (int)octets.Length), 0);
    }

    /// <summary>The files that were handed to this process, or what reads them. They can be taken once.</summary>
    public static SettingsFiles Take()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { } text
            || !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var descriptor))
        {
            return new SettingsFiles(Environment.CurrentDirectory, []);
        }

        Environment.SetEnvironmentVariable(Variable, null);
        using var memory = new SafeFileHandle(descriptor, ownsHandle: true);
        // Not by the descriptor's place, which all copies share.
        var octets = new byte[RandomAccess.GetLength(memory)];
        var length = 0;
        while (length < octets.Length && RandomAccess.Read(memory, octets.AsSpan(length), length) is var count and > 0)
            length += count;
        using var reader = new BinaryReader(new MemoryStream(octets), Encoding.UTF8);
        return new SettingsFiles(reader.ReadString(), Read(reader));
    }

    public void Dispose() => memory.Dispose();

    /// <summary>Lets a copy find the files.</summary>
    internal void Announce(IDictionary<string, string> environment, ICollection<int> inherited)
    {
        var descriptor = (int)memory.DangerousGetHandle();
        environment[Variable] = descriptor.ToString(CultureInfo.InvariantCulture);
        inherited.Add(descriptor);
    }

    private static unsafe SafeFileHandle Open()
    {
        fixed (byte* name = "files\0"u8)
        {
            var descriptor = Libc.memfd_create(name, CloseOnExec);
            return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true)
                : throw new StartupException(
                    StartupFault.Daemon, $"no memory for files: {Libc.Describe(Libc.LastError)}");
        }
    }

    private static void Write(Dictionary<WantedFile, FileContents> files, BinaryWriter writer)
    {
        writer.Write(files.Count);
        foreach (var (file, contents) in files)
        {
            writer.Write(file.Path);
            writer.Write((int)file.Kind);
            writer.Write(contents.Problem.IsSome ? contents.Problem.Value : "");
            writer.Write(contents.Octets.Length);
            writer.Write(contents.Octets.Span);
        }
    }

    private static Dictionary<WantedFile, FileContents> Read(BinaryReader reader)
    {
        var files = new Dictionary<WantedFile, FileContents>();
        for (var left = reader.ReadInt32(); left > 0; left--)
        {
            var file = new WantedFile(reader.ReadString(), (FileKind)reader.ReadInt32());
            var problem = reader.ReadString();
            var octets = reader.ReadBytes(reader.ReadInt32());
            files[file] = problem.Length > 0 ? FileContents.Unreadable(problem) : FileContents.Found(octets);
        }

        return files;
    }
}
