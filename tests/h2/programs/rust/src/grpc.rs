// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

//! redeye.test.Echo by tonic, without generated code; see tests/h2/README.md.

use bytes::{Buf, BufMut, Bytes};
use std::convert::Infallible;
use std::fs::File;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::AsyncBufReadExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::StreamExt;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Server};
use tonic::transport::ServerTlsConfig;
use tonic::{Code, Request, Response, Status, Streaming};

const SERVICE: &str = "/redeye.test.Echo/";
const HEALTH: &str = "/grpc.health.v1.Health/Check";
const LARGEST: usize = 64 << 20;

/// Messages are bytes, whatever they hold.
#[derive(Clone, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Raw;
    type Decoder = Raw;
    fn encoder(&mut self) -> Raw {
        Raw
    }
    fn decoder(&mut self) -> Raw {
        Raw
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let size = from.remaining();
        Ok(Some(from.copy_to_bytes(size)))
    }
}

// ---- the server ----

/// The first line of a message: status, messages, their size, milliseconds.
#[derive(Clone, Copy, Default)]
struct Order {
    status: i32,
    count: usize,
    size: usize,
    hold: u64,
}

fn parse(message: &Bytes) -> Order {
    let line = message.split(|b| *b == b'\n').next().unwrap();
    let text = std::str::from_utf8(line).unwrap();
    let n: Vec<i64> = text.split(' ').map(|w| w.parse().unwrap_or(0)).collect();
    Order { status: n[0] as i32, count: n[1] as usize, size: n[2] as usize, hold: n[3] as u64 }
}

/// Notes how a call ended, also when it was cancelled and its future is no more.
struct Ended {
    log: Arc<File>,
    name: String,
    status: i32,
    got: usize,
    sent: usize,
}

impl Drop for Ended {
    fn drop(&mut self) {
        let line = format!("{} {} {} {}\n", self.name, self.status, self.got, self.sent);
        crate::note(&self.log, line);
    }
}

type Answers = mpsc::Sender<Result<Bytes, Status>>;

async fn send(n: usize, size: usize, to: &Answers, ended: &mut Ended) -> bool {
    for _ in 0..n {
        if to.send(Ok(Bytes::from(vec![0; size]))).await.is_err() {
            return false;
        }
        ended.sent += 1;
    }
    true
}

/// What a call does, with its answers going to a channel.
async fn echo(mut ended: Ended, mut messages: Streaming<Bytes>, to: Answers) {
    let mut order = Order::default();
    while let Ok(Some(message)) = messages.message().await {
        ended.got += 1;
        if ended.got == 1 {
            order = parse(&message);
        }
        if ended.name == "Bidi" && !send(order.count, order.size, &to, &mut ended).await {
            return;
        }
    }
    if ended.name == "ServerStream" && !send(order.count, order.size, &to, &mut ended).await {
        return;
    }
    tokio::select! {
        _ = tokio::time::sleep(Duration::from_millis(order.hold)) => {}
        _ = to.closed() => return,
    }
    let single = ended.name == "Unary" || ended.name == "ClientStream";
    ended.status = order.status;
    if order.status != 0 {
        let _ = to.send(Err(Status::new(Code::from(order.status), "as asked: \u{fc}%"))).await;
    } else if single {
        send(1, order.size, &to, &mut ended).await;
    }
}

struct Method(Arc<File>, String);

type Stream = ReceiverStream<Result<Bytes, Status>>;
type Answer<T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send>>;

impl Method {
    fn start(&self, messages: Streaming<Bytes>) -> mpsc::Receiver<Result<Bytes, Status>> {
        let (to, from) = mpsc::channel(16);
        let (log, name) = (self.0.clone(), self.1.clone());
        let ended = Ended { log, name, status: 1, got: 0, sent: 0 };
        tokio::spawn(echo(ended, messages, to));
        from
    }
}

impl tonic::server::StreamingService<Bytes> for Method {
    type Response = Bytes;
    type ResponseStream = Stream;
    type Future = Answer<Stream>;
    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let from = self.start(request.into_inner());
        Box::pin(async move { Ok(Response::new(ReceiverStream::new(from))) })
    }
}

/// One answer, or none and a status that comes without more (trailers only).
impl tonic::server::ClientStreamingService<Bytes> for Method {
    type Response = Bytes;
    type Future = Answer<Bytes>;
    fn call(&mut self, request: Request<Streaming<Bytes>>) -> Self::Future {
        let mut from = self.start(request.into_inner());
        Box::pin(async move {
            let answer = from.recv().await;
            answer.unwrap_or(Err(Status::unknown("no answer"))).map(Response::new)
        })
    }
}

struct Health;

impl tonic::server::UnaryService<Bytes> for Health {
    type Response = Bytes;
    type Future = Answer<Bytes>;
    fn call(&mut self, _: Request<Bytes>) -> Self::Future {
        Box::pin(async { Ok(Response::new(Bytes::from_static(&[8, 1]))) })
    }
}

#[derive(Clone)]
struct Service(Arc<File>);

type HttpRequest = hyper::Request<tonic::body::Body>;
type HttpResponse = hyper::Response<tonic::body::Body>;

async fn dispatch(log: Arc<File>, request: HttpRequest) -> HttpResponse {
    let path = request.uri().path().to_string();
    let mut grpc = tonic::server::Grpc::new(Raw).max_decoding_message_size(LARGEST);
    match path.strip_prefix(SERVICE) {
        Some(name) if name == "Unary" || name == "ClientStream" => {
            grpc.client_streaming(Method(log, name.to_string()), request).await
        }
        Some(name) if name == "ServerStream" || name == "Bidi" => {
            grpc.streaming(Method(log, name.to_string()), request).await
        }
        None if path == HEALTH => grpc.unary(Health, request).await,
        _ => Status::unimplemented("no such method").into_http(),
    }
}

impl tower::Service<HttpRequest> for Service {
    type Response = HttpResponse;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Infallible>> + Send>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: HttpRequest) -> Self::Future {
        let log = self.0.clone();
        Box::pin(async move { Ok(dispatch(log, request).await) })
    }
}

impl tonic::server::NamedService for Service {
    const NAME: &'static str = "redeye.test.Echo";
}

#[derive(Clone)]
struct HealthService(Service);

impl tower::Service<HttpRequest> for HealthService {
    type Response = HttpResponse;
    type Error = Infallible;
    type Future = <Service as tower::Service<HttpRequest>>::Future;
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        tower::Service::poll_ready(&mut self.0, cx)
    }
    fn call(&mut self, request: HttpRequest) -> Self::Future {
        self.0.call(request)
    }
}

impl tonic::server::NamedService for HealthService {
    const NAME: &'static str = "grpc.health.v1.Health";
}

pub async fn serve(port: &str, log: Arc<File>, secure: bool) {
    let listener = crate::listen("LISTEN", port).await;
    let incoming = tonic::transport::server::TcpIncoming::from(listener).with_nodelay(Some(true));
    let mut builder = Server::builder().max_concurrent_streams(20000);
    if secure {
        let pem = crate::certs("server.pem");
        let config = ServerTlsConfig::new().identity(Identity::from_pem(&pem, &pem));
        builder = builder.tls_config(config).unwrap();
    }
    let service = Service(log);
    let router = builder.add_service(service.clone()).add_service(HealthService(service));
    router.serve_with_incoming(incoming).await.unwrap();
}

// ---- the client ----

/// A line of standard input.
#[derive(Clone)]
struct Script {
    method: String,
    message: Bytes,
    n: Vec<usize>,
}

const SEND: usize = 4;
const PAUSE: usize = 6;
const DEADLINE: usize = 7;
const CANCEL: usize = 8;
const TIMES: usize = 9;
const TOGETHER: usize = 10;

impl Script {
    fn read(line: &str) -> Script {
        let (method, numbers) = line.split_once(' ').unwrap();
        let n: Vec<usize> = numbers.split(' ').map(|w| w.parse().unwrap()).collect();
        let mut message = format!("{} {} {} {}\n", n[0], n[1], n[2], n[3]).into_bytes();
        message.resize(message.len().max(n[5]), 0);
        Script { method: method.to_string(), message: message.into(), n }
    }
}

#[derive(Default)]
struct Got {
    messages: usize,
    bytes: usize,
}

fn messages(s: &Script) -> Stream {
    let (to, from) = mpsc::channel::<Result<Bytes, Status>>(16);
    let s = s.clone();
    tokio::spawn(async move {
        for _ in 0..s.n[SEND] {
            if to.send(Ok(s.message.clone())).await.is_err() {
                return;
            }
        }
        tokio::select! {
            _ = tokio::time::sleep(Duration::from_millis(s.n[PAUSE] as u64)) => {}
            _ = to.closed() => {}
        }
    });
    ReceiverStream::new(from)
}

async fn exchange(channel: Channel, s: &Script, got: &mut Got) -> Result<(), Status> {
    let mut grpc = tonic::client::Grpc::new(channel).max_decoding_message_size(LARGEST);
    grpc.ready().await.map_err(|e| Status::unavailable(e.to_string()))?;
    let path = match s.method.as_str() {
        "Health" => HEALTH.to_string(),
        name => format!("{SERVICE}{name}"),
    };
    let path = path.parse().unwrap();
    if s.method == "Unary" || s.method == "Health" {
        let mut request = Request::new(s.message.clone());
        deadline(s, &mut request);
        let answer = grpc.unary(request, path, Raw).await?;
        (got.messages, got.bytes) = (1, answer.get_ref().len());
        return Ok(());
    }
    let mut request = Request::new(messages(s).filter_map(|m| m.ok()));
    if s.method == "ServerStream" {
        let mut request = Request::new(s.message.clone());
        deadline(s, &mut request);
        let answers = grpc.server_streaming(request, path, Raw).await?.into_inner();
        return receive(answers, got).await;
    }
    deadline(s, &mut request);
    if s.method == "ClientStream" {
        let answer = grpc.client_streaming(request, path, Raw).await?;
        (got.messages, got.bytes) = (1, answer.get_ref().len());
        return Ok(());
    }
    receive(grpc.streaming(request, path, Raw).await?.into_inner(), got).await
}

fn deadline<T>(s: &Script, request: &mut Request<T>) {
    if s.n[DEADLINE] > 0 {
        request.set_timeout(Duration::from_millis(s.n[DEADLINE] as u64));
    }
}

async fn receive(mut answers: Streaming<Bytes>, got: &mut Got) -> Result<(), Status> {
    while let Some(answer) = answers.message().await? {
        got.messages += 1;
        got.bytes += answer.len();
    }
    Ok(())
}

/// Tonic ends a call at its deadline only before its headers have come, and cancels by dropping.
fn limit(s: &Script) -> (Duration, i32) {
    let milliseconds = |n: usize| Duration::from_millis(n as u64);
    match (s.n[CANCEL], s.n[DEADLINE]) {
        (0, 0) => (Duration::from_secs(3600), 0),
        (0, deadline) => (milliseconds(deadline), Code::DeadlineExceeded as i32),
        (cancel, _) => (milliseconds(cancel), Code::Cancelled as i32),
    }
}

async fn one(channel: Channel, s: Script) -> String {
    let start = Instant::now();
    let mut got = Got::default();
    let (most, status) = limit(&s);
    let status = match tokio::time::timeout(most, exchange(channel, &s, &mut got)).await {
        Ok(Ok(())) => 0,
        Ok(Err(e)) => e.code() as i32,
        Err(_) => status,
    };
    let single = s.method == "Unary" || s.method == "ServerStream" || s.method == "Health";
    let sent = if single { 1 } else { s.n[SEND] };
    format!(
        r#"{{"method":"{}","status":{},"sent":{},"got":{},"bytes":{},"seconds":{:.6}}}"#,
        s.method, status, sent, got.messages, got.bytes, start.elapsed().as_secs_f64()
    )
}

async fn run(channel: &Channel, s: Script) {
    let left = Arc::new(std::sync::atomic::AtomicIsize::new(s.n[TIMES] as isize));
    let mut workers = Vec::new();
    for _ in 0..s.n[TOGETHER] {
        let (channel, s, left) = (channel.clone(), s.clone(), left.clone());
        workers.push(tokio::spawn(async move {
            while left.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) > 0 {
                println!("{}", one(channel.clone(), s.clone()).await);
            }
        }));
    }
    for worker in workers {
        worker.await.unwrap();
    }
}

pub async fn call(target: &str, secure: bool) {
    let scheme = if secure { "https" } else { "http" };
    let mut endpoint = Endpoint::from_shared(format!("{scheme}://{target}")).unwrap();
    if secure {
        let ca = Certificate::from_pem(crate::certs("ca.pem"));
        let config = ClientTlsConfig::new().ca_certificate(ca);
        endpoint = endpoint.tls_config(config).unwrap();
    }
    let channel = endpoint.connect_lazy();
    println!("READY");
    let mut lines = tokio::io::BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        run(&channel, Script::read(&line)).await;
    }
}
