// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
using System;
using System.IO;
using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

/// Those in $TLS_CERTS.
public static class Certificates {
	static string In(string name)
	{
		return Path.Combine(Environment.GetEnvironmentVariable("TLS_CERTS"), name);
	}

	public static readonly X509Certificate2 Authority = new X509Certificate2(In("ca.pem"));

	/// The server's certificate with its key, which .NET Core 3.1 does not read from PEM.
	public static X509Certificate2 Own()
	{
		string file = In("server.pem"), text = File.ReadAllText(file);
		int from = text.IndexOf("-----BEGIN PRIVATE KEY-----") + 27;
		int to = text.IndexOf("-----END PRIVATE KEY-----");
		int unused;
		var key = ECDsa.Create();
		key.ImportPkcs8PrivateKey(Convert.FromBase64String(text.Substring(from, to - from)),
					  out unused);
		return new X509Certificate2(file).CopyWithPrivateKey(key);
	}

	/// Is it signed by that authority, and by nobody else's?
	public static bool Accept(X509Certificate certificate, SslPolicyErrors errors)
	{
		if (certificate == null || (errors & ~SslPolicyErrors.RemoteCertificateChainErrors) != 0)
			return false;
		using (var chain = new X509Chain()) {
			chain.ChainPolicy.ExtraStore.Add(Authority);
			chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
			chain.ChainPolicy.VerificationFlags =
				X509VerificationFlags.AllowUnknownCertificateAuthority;
			if (!chain.Build(new X509Certificate2(certificate)))
				return false;
			var last = chain.ChainElements[chain.ChainElements.Count - 1].Certificate.RawData;
			return last.AsSpan().SequenceEqual(Authority.RawData);
		}
	}
}
