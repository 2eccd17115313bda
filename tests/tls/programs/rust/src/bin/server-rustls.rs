// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! rustls 0.23 by tokio-rustls 0.26.

use std::sync::Arc;
use tls::{pem, serve, verify};
use tokio_rustls::{
    rustls::{
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
        server::WebPkiClientVerifier,
        RootCertStore, ServerConfig,
    },
    TlsAcceptor,
};

fn config() -> ServerConfig {
    let chain = pem("server.pem", "CERTIFICATE").into_iter().map(Into::into).collect();
    let key = pem("server.pem", "PRIVATE KEY").remove(0);
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(pem("ca.pem", "CERTIFICATE").into_iter().map(Into::into));
    let verifier = if verify() {
        WebPkiClientVerifier::builder(Arc::new(roots)).build().expect("verifier")
    } else {
        WebPkiClientVerifier::no_client_auth()
    };
    ServerConfig::builder()
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)
        .expect("certificate")
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let acceptor = TlsAcceptor::from(Arc::new(config()));
    serve(|tcp| {
        let accept = acceptor.accept(tcp);
        async { accept.await.ok() }
    })
    .await
}
