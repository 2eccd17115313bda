// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.eclipse.jetty.http.HttpFields;
import org.eclipse.jetty.http.HttpHeader;
import org.eclipse.jetty.http2.server.HTTP2CServerConnectionFactory;
import org.eclipse.jetty.io.Content;
import org.eclipse.jetty.server.Handler;
import org.eclipse.jetty.server.HttpConfiguration;
import org.eclipse.jetty.server.HttpConnectionFactory;
import org.eclipse.jetty.server.Request;
import org.eclipse.jetty.server.Response;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.eclipse.jetty.util.Callback;

/**
 * HTTP/2 by Jetty, in the clear: by prior knowledge and by upgrade. What Java's own TLS sends
 * cannot be seen, so there is none.
 *
 * <pre>
 * java H2 http PORT LOG              prints "PLAIN port", "LISTEN 0"
 * java H2 get URL                    java.net.http as a client, see Get
 * java H2 serve PORT LOG             gRPC, see Rpc; prints "LISTEN port"
 * java H2 call HOST:PORT
 * </pre>
 */
public class H2 {
	static FileOutputStream truth;

	/** One write for each line. */
	static void note(String line) {
		try {
			synchronized (truth) {
				truth.write(line.getBytes(StandardCharsets.UTF_8));
			}
		} catch (IOException e) {
			throw new IllegalStateException(e);
		}
	}

	static class Web extends Handler.Abstract {
		@Override
		public boolean handle(Request request, Response response, Callback callback)
				throws Exception {
			String path = Request.getPathInContext(request);
			String[] words = (path + "/ / ").split("/");
			Callback done = Callback.from(() -> {
				note(request.getMethod() + " " + path + " " + response.getStatus() + "\n");
				callback.succeeded();
			}, callback::failed);
			answer(request, response, words[1], words[2], done);
			return true;
		}

		private void answer(Request request, Response response, String first, String last,
				Callback done) throws Exception {
			switch (first) {
			case "hello" -> send(response, 200, "hello\n", done);
			case "users" -> send(response, 200, "user " + last + "\n", done);
			case "status" -> status(response, Integer.parseInt(last), done);
			case "sleep" -> {
				Thread.sleep(Integer.parseInt(last));
				send(response, 200, "slept\n", done);
			}
			case "big" -> send(response, 200, "x".repeat(Integer.parseInt(last)), done);
			case "echo" -> Content.Source.asByteBuffer(request, new org.eclipse.jetty.util.Promise<>() {
				@Override
				public void succeeded(ByteBuffer body) {
					response.setStatus(200);
					response.write(true, body, done);
				}

				@Override
				public void failed(Throwable e) {
					done.failed(e);
				}
			});
			case "sink" -> send(response, 200, sink(request) + "\n", done);
			case "trailers" -> trailers(response, done);
			case "early" -> {
				HttpFields hints = HttpFields.build().put(HttpHeader.LINK, "</style>; rel=preload");
				response.writeInterim(103, hints).get();
				send(response, 200, "early\n", done);
			}
			default -> send(response, 404, "not found\n", done);
			}
		}

		private static long sink(Request request) throws IOException {
			try (var in = Content.Source.asInputStream(request)) {
				return in.transferTo(java.io.OutputStream.nullOutputStream());
			}
		}

		private static void status(Response response, int status, Callback done) {
			send(response, status, status == 204 || status == 304 ? "" : "status\n", done);
		}

		private static void trailers(Response response, Callback done) {
			response.setTrailersSupplier(() -> HttpFields.build().put("X-Last", "done"));
			send(response, 200, "trailers\n", done);
		}

		private static void send(Response response, int status, String body, Callback done) {
			response.setStatus(status);
			response.write(true, ByteBuffer.wrap(body.getBytes(StandardCharsets.US_ASCII)), done);
		}
	}

	static void http(int port) throws Exception {
		Server server = new Server();
		HttpConfiguration config = new HttpConfiguration();
		config.setRequestHeaderSize(65536);
		HTTP2CServerConnectionFactory h2c = new HTTP2CServerConnectionFactory(config);
		h2c.setMaxConcurrentStreams(20000);
		h2c.setRateControlFactory(new org.eclipse.jetty.http2.RateControl.Factory() { });
		ServerConnector connector =
			new ServerConnector(server, new HttpConnectionFactory(config), h2c);
		connector.setHost("127.0.0.1");
		connector.setPort(port);
		server.addConnector(connector);
		server.setHandler(new Web());
		server.start();
		System.out.println("PLAIN " + connector.getLocalPort());
		System.out.println("LISTEN 0");
		server.join();
	}

	public static void main(String[] words) throws Exception {
		if (words.length > 2)
			truth = new FileOutputStream(words[2], true);
		switch (words[0]) {
		case "http" -> http(Integer.parseInt(words[1]));
		case "get" -> Get.run(words[1]);
		case "serve" -> Rpc.serve(Integer.parseInt(words[1]));
		default -> Rpc.call(words[1]);
		}
	}
}
