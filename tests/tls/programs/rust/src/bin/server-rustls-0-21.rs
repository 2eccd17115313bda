// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! rustls 0.21 by tokio-rustls 0.24.

use std::sync::Arc;
use tls::{pem, serve, verify};
use tokio_rustls_0_24::{
    rustls::{server::AllowAnyAuthenticatedClient, Certificate, PrivateKey, RootCertStore, ServerConfig},
    TlsAcceptor,
};

fn config() -> ServerConfig {
    let chain = pem("server.pem", "CERTIFICATE").into_iter().map(Certificate).collect();
    let key = PrivateKey(pem("server.pem", "PRIVATE KEY").remove(0));
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(&pem("ca.pem", "CERTIFICATE"));
    let builder = ServerConfig::builder().with_safe_defaults();
    let builder = if verify() {
        builder.with_client_cert_verifier(Arc::new(AllowAnyAuthenticatedClient::new(roots)))
    } else {
        builder.with_no_client_auth()
    };
    builder.with_single_cert(chain, key).expect("certificate")
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
