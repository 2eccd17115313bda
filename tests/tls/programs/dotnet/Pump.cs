// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
using System;
using System.IO;
using System.Threading;
using System.Threading.Channels;
using System.Threading.Tasks;

/// Between SslStream and the socket as in Kestrel: what is read and what is written is handed
/// over in memory, so whoever has a thread of the pool moves it, and threads change connections.
public class Pump : Stream {
	readonly Stream socket;
	readonly Channel<byte[]> incoming = Channel.CreateUnbounded<byte[]>();
	readonly Channel<byte[]> outgoing = Channel.CreateUnbounded<byte[]>();
	byte[] current = new byte[0];
	int at;

	public Pump(Stream socket)
	{
		this.socket = socket;
		Task.Run(Receive);
		Task.Run(Send);
	}

	/// False: it ended before anything was received.
	public ValueTask<bool> Ready()
	{
		return incoming.Reader.WaitToReadAsync();
	}

	async Task Receive()
	{
		var buffer = new byte[65536];

		try {
			int n;
			while ((n = await socket.ReadAsync(buffer, 0, buffer.Length)) > 0)
				incoming.Writer.TryWrite(buffer.AsSpan(0, n).ToArray());
		} catch (IOException) {
		} catch (ObjectDisposedException) {
		}
		incoming.Writer.TryComplete();
	}

	async Task Send()
	{
		try {
			while (await outgoing.Reader.WaitToReadAsync()) {
				byte[] piece;
				while (outgoing.Reader.TryRead(out piece))
					await socket.WriteAsync(piece, 0, piece.Length);
			}
		} catch (IOException) {
		} catch (ObjectDisposedException) {
		}
		socket.Dispose();
	}

	public override async ValueTask<int> ReadAsync(Memory<byte> to, CancellationToken token)
	{
		while (at == current.Length) {
			if (!await incoming.Reader.WaitToReadAsync(token))
				return 0;
			if (incoming.Reader.TryRead(out current))
				at = 0;
			else
				current = new byte[at = 0];
		}
		int n = Math.Min(to.Length, current.Length - at);
		current.AsSpan(at, n).CopyTo(to.Span);
		at += n;
		return n;
	}

	public override Task<int> ReadAsync(byte[] to, int from, int n, CancellationToken token)
	{
		return ReadAsync(to.AsMemory(from, n), token).AsTask();
	}

	public override ValueTask WriteAsync(ReadOnlyMemory<byte> what, CancellationToken token)
	{
		outgoing.Writer.TryWrite(what.ToArray());
		return default(ValueTask);
	}

	public override Task WriteAsync(byte[] what, int from, int n, CancellationToken token)
	{
		return WriteAsync(what.AsMemory(from, n), token).AsTask();
	}

	public override int Read(byte[] to, int from, int n)
	{
		return ReadAsync(to, from, n, CancellationToken.None).GetAwaiter().GetResult();
	}

	public override void Write(byte[] what, int from, int n)
	{
		WriteAsync(what, from, n, CancellationToken.None).GetAwaiter().GetResult();
	}

	protected override void Dispose(bool disposing)
	{
		outgoing.Writer.TryComplete();
	}

	public override void Flush() {}
	public override bool CanRead { get { return true; } }
	public override bool CanWrite { get { return true; } }
	public override bool CanSeek { get { return false; } }
	public override long Length { get { throw new NotSupportedException(); } }
	public override long Position
	{
		get { throw new NotSupportedException(); }
		set { throw new NotSupportedException(); }
	}
	public override long Seek(long offset, SeekOrigin origin) { throw new NotSupportedException(); }
	public override void SetLength(long value) { throw new NotSupportedException(); }
}
