using Dkim.Tests.Hosts;
using NUnit.Framework;

// Most tests wait for programs, sockets and files rather than compute: more fixtures at once than processors. Those that
// measure, and those that change what belongs to the whole process, are [NonParallelizable] and say why.
[assembly: Parallelizable(ParallelScope.Fixtures)]
[assembly: LevelOfParallelism(6)]
[assembly: Limit(300)]
