// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! HTTP/2 by hyper, gRPC by tonic; servers print "LISTEN <port>", hyper's "PLAIN <port>" too.
//!
//!     h2 http PORT LOG | grpc PORT LOG [tls] | call HOST:PORT [tls]

mod grpc;
mod http;

use std::fs::File;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_rustls::rustls;

pub fn certs(name: &str) -> Vec<u8> {
    let path = format!("{}/{}", std::env::var("TLS_CERTS").unwrap(), name);
    std::fs::read(path).unwrap()
}

/// Says what became of a request, in one write.
pub fn note(mut log: &File, line: String) {
    use std::io::Write;
    log.write_all(line.as_bytes()).unwrap();
}

pub async fn listen(word: &str, port: &str) -> TcpListener {
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap();
    println!("{word} {}", listener.local_addr().unwrap().port());
    listener
}

pub fn tls() -> Arc<rustls::ServerConfig> {
    use rustls::pki_types::pem::PemObject;
    let pem = certs("server.pem");
    let chain = rustls::pki_types::CertificateDer::pem_slice_iter(&pem);
    let chain = chain.map(|c| c.unwrap()).collect();
    let key = rustls::pki_types::PrivateKeyDer::from_pem_slice(&pem).unwrap();
    let builder = rustls::ServerConfig::builder().with_no_client_auth();
    let mut config = builder.with_single_cert(chain, key).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Arc::new(config)
}

#[tokio::main]
async fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let secure = words.last().unwrap() == "tls";
    let log = |path: &str| {
        let mut options = std::fs::OpenOptions::new();
        Arc::new(options.create(true).append(true).open(path).unwrap())
    };
    rustls::crypto::ring::default_provider().install_default().unwrap();
    match words[0].as_str() {
        "http" => http::serve(&words[1], log(&words[2])).await,
        "grpc" => grpc::serve(&words[1], log(&words[2]), secure).await,
        _ => grpc::call(&words[1], secure).await,
    }
}
