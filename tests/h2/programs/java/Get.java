// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/**
 * java.net.http: its first request asks for an upgrade to HTTP/2. For each line "FIRST N TOGETHER
 * plain" of standard input N requests, so many at a time, "#" in the URL being FIRST, FIRST + 1,
 * ...; prints each status. Prints "READY" before.
 */
class Get {
	static String one(HttpClient client, String url) {
		try {
			HttpRequest request = HttpRequest.newBuilder(URI.create(url)).build();
			HttpResponse<String> answer = client.send(request, HttpResponse.BodyHandlers.ofString());
			return answer.statusCode() + (answer.version() == HttpClient.Version.HTTP_2 ? "" : " by HTTP/1");
		} catch (Exception e) {
			return "error";
		}
	}

	static void run(String url) throws Exception {
		HttpClient client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_2).build();
		System.out.println("READY");
		BufferedReader in = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = in.readLine()) != null;) {
			String[] words = line.split(" ");
			int first = Integer.parseInt(words[0]), n = Integer.parseInt(words[1]);
			List<CompletableFuture<Void>> running = new ArrayList<>();
			int together = Integer.parseInt(words[2]);
			for (int w = 0; w < together; w++) {
				int mine = w;
				running.add(CompletableFuture.runAsync(() -> {
					for (int i = mine; i < n; i += together)
						System.out.println(one(client, url.replace("#", "" + (first + i))));
				}));
			}
			running.forEach(CompletableFuture::join);
		}
	}
}
