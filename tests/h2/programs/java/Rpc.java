// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

import io.grpc.CallOptions;
import io.grpc.ClientCall;
import io.grpc.HandlerRegistry;
import io.grpc.InsecureChannelCredentials;
import io.grpc.InsecureServerCredentials;
import io.grpc.ManagedChannel;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.ServerCall;
import io.grpc.ServerCallHandler;
import io.grpc.ServerMethodDefinition;
import io.grpc.Status;
import io.grpc.netty.shaded.io.grpc.netty.NettyChannelBuilder;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** redeye.test.Echo by grpc-java on Netty, without generated code; see tests/h2/README.md. */
class Rpc {
	static final String SERVICE = "redeye.test.Echo/";
	static final String HEALTH = "grpc.health.v1.Health/Check";
	static final ScheduledExecutorService TIMER = Executors.newScheduledThreadPool(1, task -> {
		Thread thread = new Thread(task);
		thread.setDaemon(true);
		return thread;
	});

	/** Messages are bytes, whatever they hold. */
	static class Raw implements MethodDescriptor.Marshaller<byte[]> {
		@Override
		public InputStream stream(byte[] value) {
			return new ByteArrayInputStream(value);
		}

		@Override
		public byte[] parse(InputStream stream) {
			try {
				return stream.readAllBytes();
			} catch (IOException e) {
				throw new IllegalStateException(e);
			}
		}
	}

	static MethodDescriptor.MethodType type(String name) {
		return switch (name) {
		case "ServerStream" -> MethodDescriptor.MethodType.SERVER_STREAMING;
		case "ClientStream" -> MethodDescriptor.MethodType.CLIENT_STREAMING;
		case "Bidi" -> MethodDescriptor.MethodType.BIDI_STREAMING;
		default -> MethodDescriptor.MethodType.UNARY;
		};
	}

	static MethodDescriptor<byte[], byte[]> method(String path) {
		String name = path.substring(path.indexOf('/') + 1);
		return MethodDescriptor.<byte[], byte[]>newBuilder().setType(type(name))
			.setFullMethodName(path).setRequestMarshaller(new Raw())
			.setResponseMarshaller(new Raw()).build();
	}

	// ---- the server ----

	static class Echo extends ServerCall.Listener<byte[]> {
		final ServerCall<byte[], byte[]> call;
		final String name;
		int status, count, size, hold, got, sent;
		boolean headers, over;

		Echo(ServerCall<byte[], byte[]> call) {
			this.call = call;
			name = call.getMethodDescriptor().getBareMethodName();
			call.request(1);
		}

		private void parse(byte[] message) {
			String text = new String(message, StandardCharsets.ISO_8859_1);
			String[] words = text.substring(0, text.indexOf('\n')).split(" ");
			status = Integer.parseInt(words[0]);
			count = Integer.parseInt(words[1]);
			size = Integer.parseInt(words[2]);
			hold = Integer.parseInt(words[3]);
		}

		private synchronized void send(int n) {
			if (n > 0 && !headers)
				call.sendHeaders(new Metadata());
			headers |= n > 0;
			for (; n > 0 && !over; n--, sent++)
				call.sendMessage(new byte[size]);
		}

		@Override
		public void onMessage(byte[] message) {
			if (got++ == 0)
				parse(message);
			if (name.equals("Bidi"))
				send(count);
			call.request(1);
		}

		@Override
		public void onHalfClose() {
			if (name.equals("ServerStream"))
				send(count);
			if (hold == 0)
				end();
			else
				TIMER.schedule(this::end, hold, TimeUnit.MILLISECONDS);
		}

		@Override
		public void onCancel() {
			close(1);
		}

		private synchronized boolean close(int with) {
			if (over)
				return false;
			over = true;
			H2.note(name + " " + with + " " + got + " " + sent + "\n");
			return true;
		}

		private synchronized void end() {
			if (over)
				return;
			if (status == 0 && !name.equals("ServerStream") && !name.equals("Bidi"))
				send(1);
			if (close(status)) {
				Status with = Status.fromCodeValue(status);
				call.close(status == 0 ? with : with.withDescription("as asked: \u00fc%"),
					new Metadata());
			}
		}
	}

	static ServerCall.Listener<byte[]> start(ServerCall<byte[], byte[]> call, Metadata headers) {
		if (!call.getMethodDescriptor().getFullMethodName().equals(HEALTH))
			return new Echo(call);
		call.request(1);
		return new ServerCall.Listener<byte[]>() {
			@Override
			public void onHalfClose() {
				call.sendHeaders(new Metadata());
				call.sendMessage(new byte[] {8, 1});
				call.close(Status.OK, new Metadata());
			}
		};
	}

	static class Registry extends HandlerRegistry {
		@Override
		public ServerMethodDefinition<?, ?> lookupMethod(String path, String authority) {
			String name = path.substring(path.indexOf('/') + 1);
			boolean known = path.equals(HEALTH) || (path.startsWith(SERVICE) &&
				List.of("Unary", "ServerStream", "ClientStream", "Bidi").contains(name));
			ServerCallHandler<byte[], byte[]> handler = Rpc::start;
			return known ? ServerMethodDefinition.create(method(path), handler) : null;
		}
	}

	static void serve(int port) throws Exception {
		var server = NettyServerBuilder
			.forAddress(new InetSocketAddress("127.0.0.1", port), InsecureServerCredentials.create())
			.fallbackHandlerRegistry(new Registry()).maxInboundMessageSize(64 << 20)
			.maxConcurrentCallsPerConnection(20000).build().start();
		System.out.println("LISTEN " + server.getPort());
		server.awaitTermination();
	}

	// ---- the client ----

	static class Script {
		final String method;
		final int[] n = new int[11];

		Script(String line) {
			String[] words = line.split(" ");
			method = words[0];
			for (int i = 0; i < n.length; i++)
				n[i] = Integer.parseInt(words[i + 1]);
		}

		int send() { return n[4]; }
		int pause() { return n[6]; }
		int deadline() { return n[7]; }
		int cancel() { return n[8]; }
		int times() { return n[9]; }
		int together() { return n[10]; }
		boolean streams() { return method.equals("ClientStream") || method.equals("Bidi"); }

		byte[] message() {
			String head = n[0] + " " + n[1] + " " + n[2] + " " + n[3] + "\n";
			byte[] bytes = new byte[Math.max(head.length(), n[5])];
			System.arraycopy(head.getBytes(StandardCharsets.US_ASCII), 0, bytes, 0, head.length());
			return bytes;
		}
	}

	static class Answer extends ClientCall.Listener<byte[]> {
		final CompletableFuture<Status> status = new CompletableFuture<>();
		int got, bytes;

		@Override
		public void onMessage(byte[] message) {
			got++;
			bytes += message.length;
		}

		@Override
		public void onClose(Status with, Metadata trailers) {
			status.complete(with);
		}
	}

	static String one(ManagedChannel channel, Script s) throws Exception {
		CallOptions options = CallOptions.DEFAULT.withMaxInboundMessageSize(64 << 20);
		if (s.deadline() > 0)
			options = options.withDeadlineAfter(s.deadline(), TimeUnit.MILLISECONDS);
		String path = s.method.equals("Health") ? HEALTH : SERVICE + s.method;
		ClientCall<byte[], byte[]> call = channel.newCall(method(path), options);
		Answer answer = new Answer();
		long begin = System.nanoTime();
		call.start(answer, new Metadata());
		call.request(Integer.MAX_VALUE);
		int sent = s.streams() ? s.send() : 1;
		for (int i = 0; i < sent; i++)
			call.sendMessage(s.message());
		if (s.cancel() > 0)
			TIMER.schedule(() -> call.cancel("as asked", null), s.cancel(), TimeUnit.MILLISECONDS);
		if (s.pause() > 0)
			TIMER.schedule(call::halfClose, s.pause(), TimeUnit.MILLISECONDS);
		else
			call.halfClose();
		int status = answer.status.get().getCode().value();
		double seconds = (System.nanoTime() - begin) / 1e9;
		return String.format(java.util.Locale.ROOT, "{\"method\":\"%s\",\"status\":%d,\"sent\":%d,"
			+ "\"got\":%d,\"bytes\":%d,\"seconds\":%.6f}", s.method, status, sent, answer.got,
			answer.bytes, seconds);
	}

	static void worker(ManagedChannel channel, Script s, Semaphore left) {
		try {
			while (left.tryAcquire())
				System.out.println(one(channel, s));
		} catch (Exception e) {
			System.out.println(e);
		}
	}

	static void call(String target) throws Exception {
		ManagedChannel channel = NettyChannelBuilder
			.forTarget(target, InsecureChannelCredentials.create()).build();
		System.out.println("READY");
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = in.readLine()) != null;) {
			Script s = new Script(line);
			Semaphore left = new Semaphore(s.times());
			List<Thread> workers = new ArrayList<>();
			for (int i = 0; i < s.together(); i++)
				workers.add(new Thread(() -> worker(channel, s, left)));
			workers.forEach(Thread::start);
			for (Thread worker : workers)
				worker.join();
		}
		channel.shutdownNow();
	}
}
