using System.Security.Cryptography;
using Dkim.Tests.Hosts.Hosting;

namespace Dkim.Tests.Hosts.Proxy;

/// <summary>A key pair for example.org in a test's directory: <c>key.pem</c>, and its record in
/// <c>keys.txt</c>.</summary>
internal static class Keys
{
    public static readonly string[] Signing = ["--domain=example.org", "--selector=sel", "--keyfile=key.pem"];

    public static readonly string[] Verifying = ["--test_keys=keys.txt", "--hostname=mx.example.net"];

    public static void Make(Scratch scratch)
    {
        using var key = RSA.Create(2048);
        scratch.Write("key.pem", key.ExportPkcs8PrivateKeyPem(), UnixFileMode.UserRead | UnixFileMode.UserWrite);
        scratch.Write(
            "keys.txt",
            $"sel._domainkey.example.org v=DKIM1; k=rsa; p={Convert.ToBase64String(key.ExportSubjectPublicKeyInfo())}\n");
    }
}
