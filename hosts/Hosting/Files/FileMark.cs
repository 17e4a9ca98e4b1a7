using Dkim.Core.Asking;
using Dkim.Core.Programs.Running;
using Dkim.Core.Programs.Settings;
using Dkim.Hosting.Native;

namespace Dkim.Hosting.Files;

/// <summary>A file as the file system shows it without reading it: tells later whether it has become another.</summary>
public readonly record struct FileMark
{
    private readonly ulong device;
    private readonly ulong inode;
    private readonly long size;
    private readonly long modified;

    private FileMark(bool isHidden, FileFacts facts)
    {
        IsHidden = isHidden;
        (device, inode, size, modified) = (facts.Device, facts.Inode, facts.Size, facts.Modified);
    }

    /// <summary>This user cannot look at it: a directory above it does not let him.</summary>
    public bool IsHidden { get; }

    /// <summary>There is no such file.</summary>
    public bool IsGone => !IsHidden && inode == 0;

    /// <summary>The file at a path, as it is now.</summary>
    public static FileMark Of(string path) =>
        FileFacts.TryRead(path, followLinks: true, out var facts)
            ? new FileMark(isHidden: false, facts)
            : new FileMark(isHidden: Libc.LastError != Libc.ENOENT, default);

    /// <summary>The file that another process has looked at.</summary>
    internal static FileMark Read(BinaryReader reader) => new(
        reader.ReadBoolean(),
        default(FileFacts) with
        {
            Device = reader.ReadUInt64(),
            Inode = reader.ReadUInt64(),
            Size = reader.ReadInt64(),
            Modified = reader.ReadInt64(),
        });

    /// <summary>Leaves it to another process.</summary>
    internal void Write(BinaryWriter writer)
    {
        writer.Write(IsHidden);
        writer.Write(device);
        writer.Write(inode);
        writer.Write(size);
        writer.Write(modified);
    }

    /// <summary>How the file that was looked at then compares with one that is looked at now.</summary>
    public SecretChange ChangeTo(FileMark now) =>
        now.IsHidden ? SecretChange.Hidden : now == this ? SecretChange.Same : SecretChange.Changed;
}

/// <summary>A file that another process has read, and how it looked before it did.</summary>
public readonly record struct HandedFile(WantedFile File, FileContents Contents, FileMark Mark);
