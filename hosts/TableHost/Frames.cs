using System.Buffers.Binary;
using System.Threading.Channels;
using Dkim.Core.Programs.Running;
using Dkim.Core.Stores;
using Dkim.Hosting;

namespace Dkim.TableHost;

/// <summary>Commands from standard input, replies to standard output, each a frame with its length before it.</summary>
internal static class Frames
{
    /// <summary>Serves until standard input ends, and gives the exit code.</summary>
    public static async Task<int> ServeAsync(Questions questions, TimeProvider clock)
    {
        var replies = Channel.CreateUnbounded<byte[]>(new() { SingleReader = true });
        var writing = Task.Run(() => WriteAsync(replies.Reader));
        var code = await ReadAsync(questions, replies.Writer).ConfigureAwait(false);
        replies.Writer.TryComplete();
        // A reader that does not read any more keeps nothing from ending.
        await Task.WhenAny(writing, Task.Delay(TimeSpan.FromSeconds(1), clock)).ConfigureAwait(false);
        return code;
    }

    private static async Task<int> ReadAsync(Questions questions, ChannelWriter<byte[]> replies)
    {
        await using var input = StandardStreams.OpenInput();
        var length = new byte[4];
        while (await input.ReadAtLeastAsync(length, length.Length, throwOnEndOfStream: false).ConfigureAwait(false) == length.Length)
        {
            var octets = BinaryPrimitives.ReadInt32BigEndian(length);
            if (octets is < 0 or > StoreWire.LongestFrame)
                return Broken();
            var frame = new byte[octets];
            if (await input.ReadAtLeastAsync(frame, octets, throwOnEndOfStream: false).ConfigureAwait(false) < octets)
                break;
            var command = StoreWire.TryCommand(frame);
            if (command.IsNone)
                return Broken();
            questions.Do(command.Value, reply => replies.TryWrite(Frame(reply)));
        }

        return 0;
    }

    // A filter takes no longer one.
    private static byte[] Frame(StoreReply reply)
    {
        var frame = StoreWire.OfReply(reply);
        return frame.Length <= StoreWire.LongestFrame && (reply.Answer as StoreAnswer.Rows)?.Item.Length is not > StoreWire.MostTexts
            ? frame
            : StoreWire.OfReply(new StoreReply(reply.Request, StoreAnswer.NewUnavailable("the answer has too many rows")));
    }

    private static async Task WriteAsync(ChannelReader<byte[]> replies)
    {
        await using var output = StandardStreams.OpenOutput();
        var length = new byte[4];
        try
        {
            await foreach (var frame in replies.ReadAllAsync().ConfigureAwait(false))
            {
                BinaryPrimitives.WriteInt32BigEndian(length, frame.Length);
                await output.WriteAsync(length).ConfigureAwait(false);
                await output.WriteAsync(frame).ConfigureAwait(false);
                await output.FlushAsync().ConfigureAwait(false);
            }
        }
        catch (IOException)
        {
            // Nobody reads any more: its input has ended, too.
        }
    }

    private static int Broken()
    {
        StandardStreams.ComplainLine("dkim-tables: standard input is not from a filter");
        return SysExit.DataError;
    }
}
