// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.FileWriter;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Writer;
import java.net.HttpURLConnection;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/**
 * com.sun.net.httpserver with a pool of threads. See ../README.md.
 * CLIENT: url (HttpURLConnection, the default: the handler's thread writes), http
 * (java.net.http.HttpClient, which has threads of its own).
 * java -Dsun.net.httpserver.nodelay=true TraceServer PORT
 */
public final class TraceServer {
	private static final String NAME = env("NAME", "java");
	private static final List<String> TO = Arrays.asList(env("TO", "").split(","));
	private static final boolean BY_URL = env("CLIENT", "url").equals("url");
	private static final AtomicLong IDS = new AtomicLong();
	private static final ExecutorService WORKERS = Executors.newCachedThreadPool();
	private static final HttpClient CLIENT =
		HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();

	private static String env(String name, String otherwise) {
		return System.getenv().getOrDefault(name, otherwise);
	}

	private static int byUrl(String url, String id, String parent) throws IOException {
		HttpURLConnection c = (HttpURLConnection) URI.create(url).toURL().openConnection();
		c.setRequestProperty("X-Truth-Id", id);
		c.setRequestProperty("X-Truth-Parent", parent);
		try (InputStream in = c.getInputStream()) {
			in.readAllBytes();
		}
		return c.getResponseCode();
	}

	private static int byHttp(String url, String id, String parent) throws IOException {
		HttpRequest request = HttpRequest.newBuilder(URI.create(url))
			.header("X-Truth-Id", id).header("X-Truth-Parent", parent).build();
		try {
			return CLIENT.send(request, HttpResponse.BodyHandlers.discarding()).statusCode();
		} catch (InterruptedException e) {
			throw new IOException(e);
		}
	}

	private static boolean call(String url, String parent, String kind) {
		String id = NAME + "-" + kind + IDS.incrementAndGet();
		try {
			return (BY_URL ? byUrl(url, id, parent) : byHttp(url, id, parent)) == 200;
		} catch (IOException e) {
			System.err.println(e);
			return false;
		}
	}

	private static boolean one(String own) {
		return call(TO.get(0), own, "");
	}

	private static boolean all(String own) {
		return TO.stream()
			.map(url -> CompletableFuture.supplyAsync(() -> call(url, own, ""), WORKERS))
			.toList().stream().allMatch(CompletableFuture::join);
	}

	private static void pause(int ms) {
		try {
			Thread.sleep(ms);
		} catch (InterruptedException e) {
			Thread.currentThread().interrupt();
		}
	}

	private static boolean late(String own) {
		pause(3);
		return one(own);
	}

	private static boolean act(String path, String own) {
		return switch (path) {
		case "/one" -> one(own);
		case "/two" -> one(own) && one(own);
		case "/all" -> all(own);
		case "/late" -> late(own);
		default -> true;
		};
	}

	private static void write(HttpExchange x, String text) throws IOException {
		x.getResponseBody().write(text.getBytes(StandardCharsets.UTF_8));
		x.getResponseBody().flush();
	}

	private static void serve(HttpExchange x, Writer truth) throws IOException {
		String own = x.getRequestHeaders().getFirst("X-Truth-Id");
		String parent = x.getRequestHeaders().getFirst("X-Truth-Parent");
		if (truth != null) {
			synchronized (truth) {
				truth.write(own + " " + (parent == null ? "-" : parent) + " " + NAME + "\n");
				truth.flush();
			}
		}
		String path = x.getRequestURI().getPath();
		if (path.equals("/stream")) {
			x.sendResponseHeaders(200, 0);
			write(x, "one\n");
			one(own);
		} else {
			x.sendResponseHeaders(act(path, own) ? 200 : 502, 3);
		}
		write(x, "ok\n");
		x.close();
	}

	private static void tick(String url) {
		while (true) {
			call(url, "none", "tick");
			pause(5);
		}
	}

	public static void main(String[] args) throws IOException {
		String file = env("TRUTH", "");
		Writer truth = file.isEmpty() ? null : new FileWriter(file, true);
		HttpServer server = HttpServer.create(
			new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])), 128);
		server.createContext("/", x -> serve(x, truth));
		server.setExecutor(Executors.newFixedThreadPool(64));
		server.start();
		System.out.println("LISTEN " + server.getAddress().getPort());
		String url = env("TICK", "");
		if (!url.isEmpty()) {
			Thread ticker = new Thread(() -> tick(url));
			ticker.setDaemon(true);
			ticker.start();
		}
	}
}
