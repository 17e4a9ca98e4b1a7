using Dkim.Tests.Hosts.Hosting;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>An authority of a test, and the certificate of a server at <c>localhost</c> that it has signed.</summary>
internal sealed class Certificates : IDisposable
{
    private readonly Scratch scratch = new();

    public Certificates()
    {
        scratch.Open();
        void Run(params string[] arguments) => Tools.Run(scratch.Root, Tools.RequireProgram("openssl", "openssl"), arguments);
        Run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca", "-days", "2", "-subj", "/CN=Authority of a test");
        Run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "request", "-subj", "/CN=localhost");
        scratch.Write("names", "subjectAltName=DNS:localhost\n");
        Run("x509", "-req", "-in", "request", "-CA", "ca", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert", "-days", "2", "-extfile", "names");
    }

    public string Authority => scratch.At("ca");

    public string Server => scratch.At("cert");

    public string Key => scratch.At("key");

    public void Dispose() => scratch.Dispose();
}
