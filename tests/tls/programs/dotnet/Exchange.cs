// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
using System;
using System.IO;
using System.Text;
using System.Threading.Tasks;

/// HTTP/1.1 on a stream: the requests of one connection, one after the other.
public class Exchange {
	readonly Stream stream;
	readonly byte[] buffer = new byte[65536];
	int have;

	public Exchange(Stream stream)
	{
		this.stream = stream;
	}

	public async Task All()
	{
		string head;

		while ((head = await Head()) != null) {
			string path = head.Split(' ')[1];
			byte[] body = await Body(Length(head), path == "/echo");
			await Answer(path.Split('/'), body);
		}
	}

	/// More bytes behind those in the buffer.
	async Task<bool> Fill()
	{
		int n = await stream.ReadAsync(buffer, have, buffer.Length - have);

		have += n;
		return n > 0;
	}

	void Take(int n)
	{
		have -= n;
		Buffer.BlockCopy(buffer, n, buffer, 0, have);
	}

	async Task<string> Head()
	{
		for (;;) {
			string text = Encoding.ASCII.GetString(buffer, 0, have);
			int end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
			if (end >= 0) {
				Take(end + 4);
				return text.Substring(0, end + 2);
			}
			if (have == buffer.Length || !await Fill())
				return null;
		}
	}

	static long Length(string head)
	{
		const string name = "\r\ncontent-length:";
		int at = head.IndexOf(name, StringComparison.OrdinalIgnoreCase);

		if (at < 0)
			return 0;
		at += name.Length;
		return long.Parse(head.Substring(at, head.IndexOf("\r\n", at, StringComparison.Ordinal) - at));
	}

	long size; // of the last body

	async Task<byte[]> Body(long length, bool keep)
	{
		var kept = new MemoryStream();

		for (size = 0; size < length;) {
			if (have == 0 && !await Fill())
				throw new IOException("it ended in a body");
			int n = (int)Math.Min(have, length - size);
			if (keep)
				kept.Write(buffer, 0, n);
			Take(n);
			size += n;
		}
		return kept.ToArray();
	}

	async Task Answer(string[] path, byte[] body)
	{
		string last = path[path.Length - 1], text = null;
		int status = 200;

		switch (path[1]) {
		case "hello": text = "hello\n"; break;
		case "users": text = "user " + last + "\n"; break;
		case "status": text = "status\n"; status = int.Parse(last); break;
		case "sink": text = size + "\n"; break;
		case "sleep": text = "slept\n"; await Task.Delay(int.Parse(last)); break;
		case "big":
			body = new byte[int.Parse(last)];
			Array.Fill(body, (byte)'x');
			break;
		case "echo": break;
		default: text = "not found\n"; status = 404; break;
		}
		await Send(status, text == null ? body : Encoding.ASCII.GetBytes(text));
	}

	async Task Send(int status, byte[] body)
	{
		byte[] head = Encoding.ASCII.GetBytes(
			"HTTP/1.1 " + status + " x\r\nContent-Length: " + body.Length + "\r\n\r\n");
		var all = new byte[head.Length + body.Length];

		head.CopyTo(all, 0);
		body.CopyTo(all, head.Length);
		await stream.WriteAsync(all, 0, all.Length);
	}
}
