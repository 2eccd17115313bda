// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
using System;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Threading;
using System.Threading.Tasks;

/// SslStream on TcpListener, and plain TCP on a second port. Prints "PLAIN <port>",
/// "LISTEN <port>". Words: verify (ask for a client certificate), pump (see there), and with that
/// pairs (of two connections the first bytes of both are received before either is looked at).
public static class Server {
	static SslServerAuthenticationOptions options;
	static bool pump, pairs;
	static readonly object gate = new object();
	static TaskCompletionSource<bool> waiting;

	public static async Task Run(int port, string[] words)
	{
		options = new SslServerAuthenticationOptions {
			ServerCertificate = Certificates.Own(),
			ClientCertificateRequired = words.Contains("verify"),
			EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
			CertificateRevocationCheckMode = X509RevocationMode.NoCheck,
		};
		if (words.Contains("verify"))
			options.RemoteCertificateValidationCallback =
				(sender, certificate, chain, errors) => Certificates.Accept(certificate, errors);
		KeepSessions();
		pump = words.Contains("pump");
		pairs = words.Contains("pairs");
		var plain = new TcpListener(IPAddress.Loopback, 0);
		var tls = new TcpListener(IPAddress.Loopback, port);
		plain.Start(511);
		tls.Start(511);
		Console.WriteLine("PLAIN {0}", ((IPEndPoint)plain.LocalEndpoint).Port);
		Console.WriteLine("LISTEN {0}", ((IPEndPoint)tls.LocalEndpoint).Port);
		await Task.WhenAll(Accept(plain, false), Accept(tls, true));
	}

	/// Since .NET 5, which the compiler does not know: what the server can resume sessions by.
	static void KeepSessions()
	{
		var name = "System.Net.Security.SslStreamCertificateContext";
		var property = options.GetType().GetProperty("ServerCertificateContext");

		if (property == null)
			return;
		property.SetValue(options, typeof(SslStream).Assembly.GetType(name).GetMethod("Create",
			new[] { typeof(X509Certificate2), typeof(X509Certificate2Collection), typeof(bool) })
			.Invoke(null, new object[] { options.ServerCertificate, null, true }));
	}

	static async Task Accept(TcpListener listener, bool tls)
	{
		for (;;) {
			var client = await listener.AcceptTcpClientAsync();
			client.NoDelay = true;
			ThreadPool.QueueUserWorkItem(unused => Serve(client, tls));
		}
	}

	static Task Second()
	{
		lock (gate) {
			var first = waiting;
			waiting = first == null ? new TaskCompletionSource<bool>(
				TaskCreationOptions.RunContinuationsAsynchronously) : null;
			if (first == null)
				return waiting.Task;
			first.SetResult(true);
			return Task.CompletedTask;
		}
	}

	static async Task Serve(TcpClient client, bool tls)
	{
		using (client) {
			try {
				Stream stream = client.GetStream();
				if (!tls) {
					await new Exchange(stream).All();
					return;
				}
				if (pump)
					stream = new Pump(stream);
				if (pairs && await ((Pump)stream).Ready())
					await Second();
				using (var secure = new SslStream(stream)) {
					await secure.AuthenticateAsServerAsync(options, CancellationToken.None);
					await new Exchange(secure).All();
				}
			} catch (IOException) {
			} catch (SocketException) {
			} catch (AuthenticationException) {
			} catch (ObjectDisposedException) {
			}
		}
	}
}
