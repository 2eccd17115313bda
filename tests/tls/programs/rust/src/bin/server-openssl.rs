// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! The openssl crate by tokio-openssl: the system's libssl.

use openssl::ssl::{Ssl, SslAcceptor, SslFiletype, SslMethod, SslVerifyMode};
use std::pin::Pin;
use tls::{certs, serve, verify};
use tokio_openssl::SslStream;

fn acceptor() -> SslAcceptor {
    let mut builder = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).expect("TLS");
    builder.set_certificate_chain_file(certs("server.pem")).expect("certificate");
    builder.set_private_key_file(certs("server.pem"), SslFiletype::PEM).expect("key");
    if verify() {
        builder.set_ca_file(certs("ca.pem")).expect("CA");
        builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    }
    builder.build()
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let acceptor = acceptor();
    serve(|tcp| {
        let ssl = Ssl::new(acceptor.context()).expect("SSL");
        async {
            let mut stream = SslStream::new(ssl, tcp).ok()?;
            Pin::new(&mut stream).accept().await.ok()?;
            Some(stream)
        }
    })
    .await
}
