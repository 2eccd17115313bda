// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
using System;
using System.Net.Http;
using System.Threading.Tasks;

/// HttpClient. Waits for a line on standard input; prints each status.
public static class Client {
	static HttpClient Make()
	{
		var handler = new HttpClientHandler();

		handler.ServerCertificateCustomValidationCallback =
			(request, certificate, chain, errors) => Certificates.Accept(certificate, errors);
		return new HttpClient(handler);
	}

	static async Task<int> Ask(HttpClient client, string url)
	{
		using (var response = await client.GetAsync(url)) {
			await response.Content.ReadAsByteArrayAsync();
			return (int)response.StatusCode;
		}
	}

	/// Told to close, it keeps a connection all the same: a new one takes another client.
	public static async Task Run(string url, int n, string mode)
	{
		HttpClient kept = Make();

		GC.KeepAlive(Certificates.Authority); // for it OpenSSL is loaded
		Console.WriteLine("READY");
		Console.ReadLine();
		for (int i = 0; i < n; i++) {
			HttpClient client = mode == "keep" ? kept : Make();
			Console.WriteLine(await Ask(client, url));
			if (client != kept)
				client.Dispose();
		}
	}
}
