// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! axum on hyper over any stream; each program of this package brings its TLS.
//! PROGRAM PORT [verify]        PORT 0: choose one. Prints "PLAIN <port>", "LISTEN <port>".

use axum::{
    body::Bytes,
    extract::{DefaultBodyLimit, Path},
    http::StatusCode,
    routing::{get, post},
    Router,
};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use std::{future::Future, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};

/// A file of the test's certificates.
pub fn certs(name: &str) -> String {
    format!("{}/{name}", std::env::var("TLS_CERTS").expect("TLS_CERTS"))
}

/// The DER blocks of a PEM file that have this label.
pub fn pem(name: &str, label: &str) -> Vec<Vec<u8>> {
    let text = std::fs::read_to_string(certs(name)).expect(name);
    text.split("-----BEGIN ")
        .filter(|block| block.starts_with(label))
        .map(|block| {
            let body = block.split_once("-----\n").expect("PEM").1.split("-----END").next();
            openssl::base64::decode_block(&body.expect("PEM").replace('\n', "")).expect("PEM")
        })
        .collect()
}

pub fn verify() -> bool {
    std::env::args().nth(2).as_deref() == Some("verify")
}

async fn sleep(Path(ms): Path<u64>) -> &'static str {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    "slept\n"
}

async fn status(Path(code): Path<u16>) -> (StatusCode, &'static str) {
    (StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST), "status\n")
}

fn app() -> Router {
    Router::new()
        .route("/hello", get(|| async { "hello\n" }))
        .route("/users/{id}", get(|Path(id): Path<u64>| async move { format!("user {id}\n") }))
        .route("/big/{size}", get(|Path(size): Path<usize>| async move { vec![b'x'; size] }))
        .route("/sleep/{ms}", get(sleep))
        .route("/status/{code}", get(status))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/sink", post(|body: Bytes| async move { format!("{}\n", body.len()) }))
        .layer(DefaultBodyLimit::disable())
}

async fn http<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, app: Router) {
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(app))
        .await;
}

async fn listen(word: &str, port: &str) -> TcpListener {
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("bind");
    println!("{word} {}", listener.local_addr().expect("address").port());
    listener
}

/// `handshake` makes the TLS stream of an accepted connection.
pub async fn serve<F, S>(handshake: impl Fn(TcpStream) -> F)
where
    F: Future<Output = Option<S>> + Send + 'static,
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let app = app();
    let plain = listen("PLAIN", "0").await;
    let tls = listen("LISTEN", &std::env::args().nth(1).expect("PORT")).await;
    loop {
        tokio::select! {
            Ok((tcp, _)) = plain.accept() => {
                tokio::spawn(http(tcp, app.clone()));
            }
            Ok((tcp, _)) = tls.accept() => {
                let _ = tcp.set_nodelay(true);
                let (stream, app) = (handshake(tcp), app.clone());
                tokio::spawn(async move {
                    if let Some(stream) = stream.await {
                        http(stream, app).await;
                    }
                });
            }
        }
    }
}
