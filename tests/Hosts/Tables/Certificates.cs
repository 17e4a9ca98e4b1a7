using Dkim.Tests.Hosts.Hosting;

namespace Dkim.Tests.Hosts.Tables;

/// <summary>An authority of a test, and the certificate of a server at 127.0.0.1 that it has signed: libldap
/// puts the machine's name in the place of <c>localhost</c>.</summary>
internal sealed class Certificates : IDisposable
{
    private readonly Scratch scratch = new();

    public Certificates()
    {
        scratch.Open();
        void Run(params string[] arguments) => Tools.Run(scratch.Root, Tools.RequireProgram("openssl", "openssl"), arguments);
        Run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca", "-days", "2", "-subj", "/CN=Authority of a test");
        Run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "key", "-out", "request", "-subj", "/CN=Server of a test");
        scratch.Write("names", "subjectAltName=IP:127.0.0.1\n");
        Run("x509", "-req", "-in", "request", "-CA", "ca", "-CAkey", "ca.key", "-CAcreateserial", "-out", "cert", "-days", "2", "-extfile", "names");
    }

    public string Authority => scratch.At("ca");

    public string Server => scratch.At("cert");

    public string Key => scratch.At("key");

    public void Dispose() => scratch.Dispose();
}
