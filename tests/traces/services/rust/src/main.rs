// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! axum on hyper and tokio, hyper's client. See ../../README.md.

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Request, StatusCode},
    response::{IntoResponse, Response},
    routing::get,
    serve::ListenerExt,
    Router,
};
use futures_util::{future, stream, StreamExt};
use http_body_util::BodyExt;
use hyper_util::{
    client::legacy::{connect::HttpConnector, Client},
    rt::TokioExecutor,
};
use std::{
    convert::Infallible,
    env,
    fs::{File, OpenOptions},
    io::Write,
    sync::atomic::{AtomicU64, Ordering},
    sync::Arc,
    time::Duration,
};

struct Service {
    name: String,
    to: Vec<String>,
    truth: Option<File>,
    ids: AtomicU64,
    client: Client<HttpConnector, Body>,
}

type Shared = Arc<Service>;

impl Service {
    /// The id of the request that is being served; writes down who asked.
    fn begin(&self, headers: &HeaderMap) -> String {
        let value = |name| headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or("-");
        let own = value("x-truth-id").to_string();
        if let Some(mut file) = self.truth.as_ref() {
            let line = format!("{own} {} {}\n", value("x-truth-parent"), self.name);
            file.write_all(line.as_bytes()).expect("TRUTH");
        }
        own
    }

    async fn call(&self, url: &str, parent: &str, kind: &str) -> bool {
        let n = self.ids.fetch_add(1, Ordering::Relaxed);
        let request = Request::get(url)
            .header("X-Truth-Id", format!("{}-{kind}{n}", self.name))
            .header("X-Truth-Parent", parent)
            .body(Body::empty())
            .expect("request");
        match self.client.request(request).await {
            Ok(answer) => {
                let good = answer.status() == StatusCode::OK;
                good & answer.into_body().collect().await.is_ok()
            }
            Err(_) => false,
        }
    }

    async fn one(&self, own: &str) -> bool {
        self.call(&self.to[0], own, "").await
    }
}

fn answer(good: bool) -> Response {
    let status = if good { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
    (status, "ok\n").into_response()
}

async fn leaf(State(s): State<Shared>, headers: HeaderMap) -> Response {
    s.begin(&headers);
    answer(true)
}

async fn one(State(s): State<Shared>, headers: HeaderMap) -> Response {
    let own = s.begin(&headers);
    answer(s.one(&own).await)
}

async fn two(State(s): State<Shared>, headers: HeaderMap) -> Response {
    let own = s.begin(&headers);
    answer(s.one(&own).await && s.one(&own).await)
}

async fn all(State(s): State<Shared>, headers: HeaderMap) -> Response {
    let own = s.begin(&headers);
    let calls = s.to.iter().map(|url| s.call(url, &own, ""));
    answer(future::join_all(calls).await.into_iter().all(|good| good))
}

async fn late(State(s): State<Shared>, headers: HeaderMap) -> Response {
    let own = s.begin(&headers);
    tokio::time::sleep(Duration::from_millis(3)).await;
    answer(s.one(&own).await)
}

async fn pieces(State(s): State<Shared>, headers: HeaderMap) -> Body {
    let own = s.begin(&headers);
    let first = stream::once(async { Bytes::from("one\n") });
    let second = stream::once(async move {
        s.one(&own).await;
        Bytes::from("two\n")
    });
    Body::from_stream(first.chain(second).map(Ok::<_, Infallible>))
}

async fn tick(service: Shared, url: String) {
    loop {
        service.call(&url, "none", "tick").await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn service() -> Shared {
    let append = |path| OpenOptions::new().create(true).append(true).open(path).expect("TRUTH");
    Arc::new(Service {
        name: env::var("NAME").unwrap_or("rust".into()),
        to: env::var("TO").unwrap_or_default().split(',').map(Into::into).collect(),
        truth: env::var("TRUTH").ok().map(append),
        ids: AtomicU64::new(1),
        client: Client::builder(TokioExecutor::new()).build_http(),
    })
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let port = env::args().nth(1).expect("PORT");
    let service = service();
    let app = Router::new()
        .route("/leaf", get(leaf))
        .route("/one", get(one))
        .route("/two", get(two))
        .route("/all", get(all))
        .route("/late", get(late))
        .route("/stream", get(pieces))
        .with_state(service.clone());
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("bind");
    println!("LISTEN {}", listener.local_addr().expect("address").port());
    if let Ok(url) = env::var("TICK") {
        tokio::spawn(tick(service, url));
    }
    let listener = listener.tap_io(|io| {
        let _ = io.set_nodelay(true);
    });
    axum::serve(listener, app).await.expect("serve");
}
