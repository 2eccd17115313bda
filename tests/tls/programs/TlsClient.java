// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * java.net.http over JSSE, Java's own TLS.
 * TlsClient URL N keep|new: waits for a line on standard input; prints each status.
 */
public class TlsClient {
	static HttpClient client() throws Exception {
		KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
		store.load(null, null);
		try (FileInputStream pem = new FileInputStream(System.getenv("TLS_CERTS") + "/ca.pem")) {
			store.setCertificateEntry("ca",
				CertificateFactory.getInstance("X.509").generateCertificate(pem));
		}
		TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
		trust.init(store);
		SSLContext tls = SSLContext.getInstance("TLS");
		tls.init(null, trust.getTrustManagers(), null);
		return HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).sslContext(tls).build();
	}

	public static void main(String[] words) throws Exception {
		HttpClient kept = client();
		System.out.println("READY");
		System.in.read();
		for (int i = 0; i < Integer.parseInt(words[1]); i++) {
			HttpClient one = words[2].equals("keep") ? kept : client();
			HttpRequest request = HttpRequest.newBuilder(URI.create(words[0])).build();
			System.out.println(one.send(request, HttpResponse.BodyHandlers.discarding()).statusCode());
		}
		System.exit(0);
	}
}
