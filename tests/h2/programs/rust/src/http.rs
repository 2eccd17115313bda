// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! A handler on hyper's HTTP/2, in the clear by prior knowledge and over rustls.

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};

type Body = BoxBody<Bytes, Error>;

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed()
}

fn frames(parts: Vec<Result<Frame<Bytes>, Error>>) -> Body {
    BodyExt::boxed(StreamBody::new(futures_util::stream::iter(parts)))
}

fn trailers() -> Body {
    let mut map = HeaderMap::new();
    map.insert("x-last", "done".parse().unwrap());
    frames(vec![Ok(Frame::data("trailers\n".into())), Ok(Frame::trailers(map))])
}

async fn answer(path: &str, body: Incoming) -> (u16, Body) {
    let words: Vec<&str> = path.split('/').chain(["", ""]).collect();
    let n: usize = words[2].parse().unwrap_or(0);
    match words[1] {
        "hello" => (200, full("hello\n")),
        "users" => (200, full(format!("user {n}\n"))),
        "status" if n == 204 || n == 304 => (n as u16, full("")),
        "status" => (n as u16, full("status\n")),
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(n as u64)).await;
            (200, full("slept\n"))
        }
        "big" => (200, full(vec![b'x'; n])),
        "echo" => (200, full(body.collect().await.unwrap().to_bytes())),
        "sink" => {
            let size = body.collect().await.unwrap().to_bytes().len();
            (200, full(format!("{size}\n")))
        }
        "trailers" => (200, trailers()),
        "reset" => {
            let end = Error::new(ErrorKind::Other, "as asked");
            (200, frames(vec![Ok(Frame::data("a part".into())), Err(end)]))
        }
        _ => (404, full("not found\n")),
    }
}

async fn handle(request: Request<Incoming>, log: Arc<File>) -> Result<Response<Body>, Error> {
    let (method, path) = (request.method().clone(), request.uri().path().to_string());
    let (status, body) = answer(&path, request.into_body()).await;
    let body = if method == hyper::Method::HEAD { full("") } else { body };
    crate::note(&log, format!("{method} {path} {status}\n"));
    Ok(Response::builder().status(status).body(body).unwrap())
}

async fn connection<S>(stream: S, log: Arc<File>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request| handle(request, log.clone()));
    let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    builder.max_concurrent_streams(20000).max_header_list_size(1 << 20);
    let _ = builder.serve_connection(TokioIo::new(stream), service).await;
}

pub async fn serve(port: &str, log: Arc<File>) {
    let plain = crate::listen("PLAIN", "0").await;
    let secure = crate::listen("LISTEN", port).await;
    let acceptor = tokio_rustls::TlsAcceptor::from(crate::tls());
    loop {
        tokio::select! {
            Ok((stream, _)) = plain.accept() => {
                stream.set_nodelay(true).unwrap();
                tokio::spawn(connection(stream, log.clone()));
            }
            Ok((stream, _)) = secure.accept() => {
                stream.set_nodelay(true).unwrap();
                let (acceptor, log) = (acceptor.clone(), log.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        connection(stream, log).await;
                    }
                });
            }
        }
    }
}
