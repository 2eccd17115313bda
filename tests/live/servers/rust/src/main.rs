// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! axum on hyper and tokio, hyper's client.
//! live-server PORT        PORT 0: choose one. Prints "LISTEN <port>".

use axum::{
    body::{Body, Bytes},
    extract::{Path, Query, State},
    http::StatusCode,
    routing::{get, post},
    serve::ListenerExt,
    Router,
};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{connect::HttpConnector, Client},
    rt::TokioExecutor,
};
use std::{convert::Infallible, time::Duration};

type Outgoing = Client<HttpConnector, Body>;

#[derive(serde::Deserialize)]
struct Call {
    url: String,
}

async fn sleep(Path(ms): Path<u64>) -> &'static str {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    "slept\n"
}

async fn status(Path(code): Path<u16>) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::BAD_REQUEST)
}

async fn echo(body: Bytes) -> Bytes {
    body
}

async fn chunked() -> Body {
    let pieces = ["one\n", "two\n", "three\n"].map(Ok::<_, Infallible>);
    Body::from_stream(stream::iter(pieces))
}

async fn big(Path(size): Path<usize>) -> Vec<u8> {
    vec![b'x'; size]
}

async fn users(Path(id): Path<u64>) -> String {
    format!("user {id}\n")
}

async fn call(State(client): State<Outgoing>, Query(q): Query<Call>) -> (StatusCode, String) {
    let Ok(uri) = q.url.parse() else {
        return (StatusCode::BAD_REQUEST, "bad url\n".into());
    };
    match client.get(uri).await {
        Ok(answer) => {
            let code = answer.status().as_u16();
            let _ = answer.into_body().collect().await;
            (StatusCode::OK, format!("{code}\n"))
        }
        Err(e) => (StatusCode::BAD_GATEWAY, format!("{e}\n")),
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let port = std::env::args().nth(1).expect("PORT");
    let client: Outgoing = Client::builder(TokioExecutor::new()).build_http();
    let app = Router::new()
        .route("/hello", get(|| async { "hello\n" }))
        .route("/sleep/{ms}", get(sleep))
        .route("/status/{code}", get(status))
        .route("/echo", post(echo))
        .route("/chunked", get(chunked))
        .route("/big/{size}", get(big))
        .route("/users/{id}", get(users))
        .route("/call", get(call))
        .with_state(client);
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("bind");
    println!("LISTEN {}", listener.local_addr().expect("address").port());
    let listener = listener.tap_io(|io| {
        let _ = io.set_nodelay(true);
    });
    axum::serve(listener, app).await.expect("serve");
}
