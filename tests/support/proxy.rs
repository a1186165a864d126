//! A proxy between an operator under test and the API server, which counts what passes and can spoil any of it. So the
//! operator needs no code for its faults.
//!
//! Plain HTTP on loopback to the operator, TLS to the API server; credentials are the operator's own and pass through.
//! What happens to a request is decided by a [`Script`]; what happens to a watch that is open, by a [`Watching`] for
//! each resource.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of this module")]

#[path = "proxy/call.rs"]
mod call;
#[path = "proxy/pump.rs"]
mod pump;

pub use call::Call;
pub use pump::Watching;

use call::classify;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper::{Request, Response, StatusCode};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use kube::Client;
use kube::client::ConfigExt as _;
use pump::Flow;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};
use tower::{BoxError, ServiceBuilder};

type Body = BoxBody<Bytes, BoxError>;
/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It passes.
    Pass,
    /// It never reaches the API server; the answer is this code, which for 429 says when to come back.
    Refuse(u16),
    /// It never reaches the API server and there is no answer.
    Silence,
    /// It never reaches the API server, and its connection is closed.
    Cut,
    /// The API server does it, and the answer is lost with the connection.
    LoseReply,
    /// It passes, later.
    Delay(Duration),
    /// A tunnel ends when so much has come through it from the other side: not bytes, but reads.
    CutAfter(usize),
    /// The operator is killed at that moment.
    CrashMidway(usize),
    /// What comes through a tunnel after the runner's first line of that kind waits for that long.
    HoldAfter(&'static str, Duration),
    /// The operator is killed before the request is sent.
    CrashBefore,
    /// The operator is killed when the API server has done it and before it hears of it.
    CrashAfter,
}

/// One request as it came and went.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What it was.
    pub call: Call,
    /// When it came.
    pub at: Instant,
    /// What became of it.
    pub fate: Fate,
    /// The API server's code, if it got that far.
    pub code: Option<u16>,
    /// Labels of what was created.
    pub labels: Value,
    /// The tunnel was stopped on its way.
    pub stopped: bool,
}

/// Decides about each request in its turn, knowing those that came before it.
pub type Script = Box<dyn FnMut(&Call, &[Seen]) -> Fate + Send>;

/// Kills the operator, and starts it again.
pub type Crash = Box<dyn Fn() + Send + Sync>;

/// The proxy; it ends with this value.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    client: Client,
    seen: Mutex<Vec<Seen>>,
    /// How many of them are forgotten.
    from: AtomicUsize,
    script: Mutex<Script>,
    /// By resource and namespace.
    watching: Mutex<HashMap<(String, String), Watching>>,
    crash: Mutex<Option<Crash>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// Listens on a free port and forwards to the API server of that configuration, but with nobody's credentials.
    pub async fn start(config: &kube::Config) -> Self {
        let mut anonymous = kube::Config::new(config.cluster_url.clone());
        anonymous.root_cert.clone_from(&config.root_cert);
        anonymous.tls_server_name.clone_from(&config.tls_server_name);
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        let https = anonymous.rustls_https_connector_with_connector(http).expect("TLS");
        let hyper = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .build::<_, kube::client::Body>(https);
        let service =
            ServiceBuilder::new().layer(anonymous.base_uri_layer()).map_err(BoxError::from).service(hyper);
        let shared = Arc::new(Shared {
            client: Client::new(service, "default"),
            seen: Mutex::default(),
            from: AtomicUsize::new(0),
            script: Mutex::new(Box::new(|_, _| Fate::Pass)),
            watching: Mutex::default(),
            crash: Mutex::default(),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its number");
        let task = tokio::spawn(accept(listener, shared.clone()));
        Self { address, shared, task }
    }

    /// What kills the operator.
    pub fn crash_by(&self, crash: Crash) {
        *lock(&self.shared.crash) = Some(crash);
    }

    /// From now on this decides.
    pub fn play(&self, script: impl FnMut(&Call, &[Seen]) -> Fate + Send + 'static) {
        *lock(&self.shared.script) = Box::new(script);
    }

    /// From now on everything passes.
    pub fn rest(&self) {
        self.play(|_, _| Fate::Pass);
        lock(&self.shared.watching).clear();
    }

    /// What becomes of the watches of a resource in a namespace from now on; one of all namespaces has none.
    pub fn watching(&self, resource: &str, namespace: &str, what: Watching) {
        lock(&self.shared.watching).insert((resource.to_owned(), namespace.to_owned()), what);
    }

    /// Everything that has come since [`Self::forget`].
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen)[self.shared.from.load(Ordering::Relaxed)..].to_vec()
    }

    /// Counts from here.
    pub fn forget(&self) {
        self.shared.from.store(lock(&self.shared.seen).len(), Ordering::Relaxed);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Connections end with the proxy.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(serve(stream, shared.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    // Else a hand-over waits 40 ms for nothing.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request| handle(shared.clone(), request));
    let connection = hyper::server::conn::http1::Builder::new();
    // An error is a connection that was cut, by them or by us.
    let _ = connection.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

/// One request. An error closes the connection without an answer.
async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
    let call = classify(request.method().as_str(), request.uri(), request.headers().contains_key(UPGRADE));
    // One lock for both, so that the order of what was seen is the order of what was decided.
    let (number, fate) = {
        let mut seen = lock(&shared.seen);
        let from = shared.from.load(Ordering::Relaxed);
        let fate = (lock(&shared.script))(&call, &seen[from..]);
        seen.push(Seen {
            call: call.clone(),
            at: Instant::now(),
            fate,
            code: None,
            labels: Value::Null,
            stopped: false,
        });
        (seen.len() - 1, fate)
    };
    match fate {
        Fate::Pass
        | Fate::LoseReply
        | Fate::CutAfter(_)
        | Fate::CrashMidway(_)
        | Fate::HoldAfter(..)
        | Fate::CrashAfter => {}
        Fate::Refuse(code) => return Ok(refusal(code)),
        Fate::Silence => return std::future::pending().await,
        Fate::Cut => return Err("cut".into()),
        Fate::Delay(pause) => tokio::time::sleep(pause).await,
        Fate::CrashBefore => {
            shared.crash();
            return Err("crash before".into());
        }
    }
    let noted = |code: StatusCode, labels: Value| {
        if let Some(seen) = lock(&shared.seen).get_mut(number) {
            seen.code = Some(code.as_u16());
            seen.labels = labels;
        }
    };
    if call.verb == "watch" {
        return watch(&shared, &call, request).await;
    }
    let (response, tunnel) = forward(&shared, request).await?;
    let (parts, body) = response.into_parts();
    let body = if tunnel.is_some() { Bytes::new() } else { body.collect().await?.to_bytes() };
    let labels = if call.verb == "create" {
        let created: Value = serde_json::from_slice(&body).unwrap_or_default();
        created["metadata"]["labels"].clone()
    } else {
        Value::Null
    };
    noted(parts.status, labels);
    match fate {
        Fate::LoseReply => return Err("reply lost".into()),
        Fate::CrashAfter => {
            shared.crash();
            return Err("crash after".into());
        }
        Fate::Pass
        | Fate::CutAfter(_)
        | Fate::CrashMidway(_)
        | Fate::HoldAfter(..)
        | Fate::Refuse(_)
        | Fate::Silence
        | Fate::Cut
        | Fate::Delay(_)
        | Fate::CrashBefore => {}
    }
    if let Some((downstream, upstream)) = tunnel {
        tokio::spawn(async move {
            let Ok((downstream, upstream)) = tokio::try_join!(downstream, upstream) else { return };
            let flow = match fate {
                Fate::CutAfter(reads) | Fate::CrashMidway(reads) => Flow::StopAfter(reads),
                Fate::HoldAfter(kind, pause) => Flow::HoldAfter(kind, pause),
                Fate::Pass
                | Fate::Refuse(_)
                | Fate::Silence
                | Fate::Cut
                | Fate::LoseReply
                | Fate::Delay(_)
                | Fate::CrashBefore
                | Fate::CrashAfter => Flow::Free,
            };
            let stopped = pump::tunnel(TokioIo::new(downstream), TokioIo::new(upstream), flow).await;
            if let Some(seen) = lock(&shared.seen).get_mut(number) {
                seen.stopped = stopped;
            }
            if stopped && matches!(fate, Fate::CrashMidway(_)) {
                shared.crash();
            }
        });
    }
    Ok(Response::from_parts(parts, Full::new(body).map_err(|never| match never {}).boxed()))
}

impl Shared {
    fn crash(&self) {
        let crash = lock(&self.crash);
        crash.as_ref().expect("somebody to kill")();
    }
}

/// Sends a request on. With an upgrade come both ends of what is a tunnel then.
async fn forward(
    shared: &Shared,
    mut request: Request<Incoming>,
) -> Result<(Response<kube::client::Body>, Option<(OnUpgrade, OnUpgrade)>), BoxError> {
    let upgrade = request.headers().contains_key(UPGRADE);
    let downstream = upgrade.then(|| hyper::upgrade::on(&mut request));
    let (mut parts, body) = request.into_parts();
    parts.headers.remove(HOST);
    let body = kube::client::Body::from(body.collect().await?.to_bytes());
    let mut response = shared.client.send(Request::from_parts(parts, body)).await?;
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    let upstream = switched.then(|| hyper::upgrade::on(&mut response));
    Ok((response, downstream.zip(upstream)))
}

/// What the API server says when it does not do a thing.
fn refusal(code: u16) -> Response<Body> {
    let (reason, message) = match code {
        409 => ("Conflict", "the object has been modified"),
        429 => ("TooManyRequests", "too many requests"),
        _ => ("InternalError", "etcdserver: request timed out"),
    };
    let status = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": message,
        "reason": reason, "code": code});
    let body = Full::new(Bytes::from(status.to_string())).map_err(|never| match never {}).boxed();
    let mut response = Response::builder().status(code).header(CONTENT_TYPE, "application/json");
    if code == 429 {
        response = response.header(RETRY_AFTER, "1");
    }
    response.body(body).expect("a response")
}

/// Streams a watch line by line, as the rule of its resource is at that moment.
async fn watch(
    shared: &Arc<Shared>,
    call: &Call,
    request: Request<Incoming>,
) -> Result<Response<Body>, BoxError> {
    let (sender, receiver) = futures::channel::mpsc::channel::<Result<Frame<Bytes>, BoxError>>(16);
    let key = (call.resource.clone(), call.namespace.clone());
    let rule = {
        let (shared, key) = (shared.clone(), key.clone());
        move || lock(&shared.watching).get(&key).copied().unwrap_or(Watching::Pass)
    };
    if rule() == Watching::Gone {
        // Once: whoever lists again is well.
        lock(&shared.watching).remove(&key);
        let error = json!({"type": "ERROR", "object": {"kind": "Status", "apiVersion": "v1", "status": "Failure",
            "reason": "Expired", "code": 410, "message": "too old resource version"}});
        let body = Full::new(Bytes::from(format!("{error}\n"))).map_err(|never| match never {}).boxed();
        return Ok(Response::builder().header(CONTENT_TYPE, "application/json").body(body)?);
    }
    let (response, _) = forward(shared, request).await?;
    let (parts, body) = response.into_parts();
    tokio::spawn(pump::pump(body, sender, rule));
    Ok(Response::from_parts(parts, StreamBody::new(receiver).boxed()))
}
