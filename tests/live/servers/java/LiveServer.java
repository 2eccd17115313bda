// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpHandler;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Executors;

/**
 * com.sun.net.httpserver, java.net.http as its client.
 * java -Dsun.net.httpserver.nodelay=true LiveServer PORT
 * PORT 0: choose one. Prints "LISTEN port".
 */
public final class LiveServer {
	private static final HttpClient CLIENT =
		HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

	private static int tail(HttpExchange x) {
		String path = x.getRequestURI().getPath();
		return Integer.parseInt(path.substring(path.lastIndexOf('/') + 1));
	}

	private static void send(HttpExchange x, int status, byte[] body) throws IOException {
		boolean bare = body.length == 0 || status == 204 || status == 304
			|| x.getRequestMethod().equals("HEAD");
		x.getRequestBody().readAllBytes();
		x.sendResponseHeaders(status, bare ? -1 : body.length);
		if (!bare) {
			x.getResponseBody().write(body);
		}
		x.close();
	}

	private static void send(HttpExchange x, int status, String body) throws IOException {
		send(x, status, body.getBytes(StandardCharsets.UTF_8));
	}

	private static void sleep(HttpExchange x) throws IOException {
		try {
			Thread.sleep(tail(x));
		} catch (InterruptedException e) {
			throw new IOException(e);
		}
		send(x, 200, "slept\n");
	}

	private static void chunked(HttpExchange x) throws IOException {
		x.sendResponseHeaders(200, 0);
		try (OutputStream out = x.getResponseBody()) {
			for (String piece : new String[] {"one\n", "two\n", "three\n"}) {
				out.write(piece.getBytes(StandardCharsets.UTF_8));
				out.flush();
			}
		}
		x.close();
	}

	private static void big(HttpExchange x) throws IOException {
		send(x, 200, "x".repeat(tail(x)));
	}

	private static void call(HttpExchange x) throws IOException {
		String url = x.getRequestURI().getRawQuery().substring("url=".length());
		URI target = URI.create(URLDecoder.decode(url, StandardCharsets.UTF_8));
		try {
			HttpResponse<Void> answer = CLIENT.send(HttpRequest.newBuilder(target).build(),
				HttpResponse.BodyHandlers.discarding());
			send(x, 200, answer.statusCode() + "\n");
		} catch (InterruptedException e) {
			throw new IOException(e);
		}
	}

	public static void main(String[] args) throws IOException {
		InetSocketAddress address = new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0]));
		HttpServer server = HttpServer.create(address, 128);
		Object[][] routes = {
			{"/hello", (HttpHandler) x -> send(x, 200, "hello\n")},
			{"/sleep/", (HttpHandler) LiveServer::sleep},
			{"/status/", (HttpHandler) x -> send(x, tail(x), "status\n")},
			{"/echo", (HttpHandler) x -> send(x, 200, x.getRequestBody().readAllBytes())},
			{"/chunked", (HttpHandler) LiveServer::chunked},
			{"/big/", (HttpHandler) LiveServer::big},
			{"/users/", (HttpHandler) x -> send(x, 200, "user " + tail(x) + "\n")},
			{"/call", (HttpHandler) LiveServer::call},
		};
		for (Object[] route : routes) {
			server.createContext((String) route[0], (HttpHandler) route[1]);
		}
		server.setExecutor(Executors.newCachedThreadPool());
		server.start();
		System.out.println("LISTEN " + server.getAddress().getPort());
	}
}
