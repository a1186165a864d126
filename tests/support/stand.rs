//! A test stand: an operator of this checkout as a child process, with the release's own service account, behind a
//! [`Proxy`], looking at one namespace. The release's operator is at rest meanwhile.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of this module")]
#![allow(clippy::panic, clippy::print_stderr, reason = "a test that fails says where")]

use crate::proxy::{Call, Proxy, Seen, Watching};
use crate::support::{Namespace, block_on, cluster, kubectl, kubectl_with, namespace, root, signal};
use kube::api::{ListParams, PostParams};
use kube::{Api, ResourceExt as _};
use serde_json::json;
use std::fs::{File, OpenOptions};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use stratbox::crd::{CachePolicy, DatasetSlice, StrategyRun, StrategyRunSpec};

/// How long an operator may take to come up.
const START: Duration = Duration::from_secs(30);

/// The resources that the operator watches for its runs.
pub const WATCHED: [&str; 3] = ["strategyruns", "pods", "sandboxclasses"];

/// The operator under test and everything around it.
pub struct Stand {
    /// Between it and the API server.
    pub proxy: Proxy,
    /// Where it looks.
    pub home: Namespace,
    operator: Arc<Operator>,
    _paused: Paused,
}

/// The child process.
struct Operator {
    folder: PathBuf,
    log: &'static str,
    child: Mutex<Option<Child>>,
}

impl Stand {
    /// A stand of its own whose namespace starts with that word.
    pub fn new(word: &str) -> Self {
        let paused = Paused::begin();
        let home = namespace(word);
        let kubeconfig = cluster().kubeconfig();
        let config = block_on(async {
            let read = kube::config::Kubeconfig::read_from(kubeconfig).expect("the kubeconfig");
            kube::Config::from_custom_kubeconfig(read, &kube::config::KubeConfigOptions::default())
                .await
                .expect("the kubeconfig's content")
        });
        let proxy = block_on(Proxy::start(&config));
        let operator = Arc::new(Operator::prepare(&home.name, &proxy));
        let killed = operator.clone();
        proxy.crash_by(Box::new(move || killed.restart()));
        operator.start();
        let stand = Self { proxy, home, operator, _paused: paused };
        stand.wait(START, "the operator watches", |stand| {
            let seen = stand.proxy.seen();
            WATCHED.iter().all(|resource| {
                seen.iter().any(|seen| {
                    let Call { verb, resource: of, namespace, .. } = &seen.call;
                    *verb == "watch" && of == resource && *namespace == stand.namespace_of(resource)
                })
            })
        });
        stand
    }

    /// What becomes of the operator's watches of one of [`WATCHED`] from now on.
    pub fn watching(&self, resource: &str, what: Watching) {
        self.proxy.watching(resource, self.namespace_of(resource), what);
    }

    fn namespace_of(&self, resource: &str) -> &str {
        if resource == "sandboxclasses" { "" } else { &self.home.name }
    }

    /// Waits until something is so; panics when time is up.
    pub fn wait(&self, timeout: Duration, what: &str, is: impl Fn(&Self) -> bool) {
        let started = Instant::now();
        while !is(self) {
            assert!(
                started.elapsed() < timeout,
                "not within {} s: {what}; see {}",
                timeout.as_secs(),
                self.operator.folder.display()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Creates a run of one symbol.
    pub fn create(&self, name: &str, code: &str) -> StrategyRun {
        let spec = StrategyRunSpec {
            code: Some(code.to_owned()),
            class_name: "default".into(),
            dataset: DatasetSlice {
                name: "us-stocks".into(),
                symbols: vec!["AAPL".into()],
                ..DatasetSlice::default()
            },
            // Each is to go the whole way, however equal they are.
            cache_policy: CachePolicy::Never,
            ..StrategyRunSpec::default()
        };
        let runs = self.home.runs();
        block_on(runs.create(&PostParams::default(), &StrategyRun::new(name, spec))).expect("a run")
    }

    /// The requests for single objects that the operator has made for its runs, in their order: no lists, no watches,
    /// nothing about nodes.
    pub fn requests(&self) -> Vec<Seen> {
        let mut seen = self.proxy.seen();
        seen.retain(|seen| self.is_about_a_run(&seen.call));
        seen
    }

    /// Whether a request is one of those.
    pub fn is_about_a_run(&self, call: &Call) -> bool {
        is_about_a_run(&self.home.name, call)
    }

    /// Another operator with the same tasks; it ends with the value.
    pub fn rival(&self) -> Rival {
        let operator =
            Operator { folder: self.operator.folder.clone(), log: "rival.log", child: Mutex::default() };
        File::create(operator.folder.join(operator.log)).expect("a log");
        operator.start();
        Rival(operator)
    }

    /// Has the operator stand still in whatever it does; it goes on when the value goes.
    pub fn stand_still(&self) -> Standstill {
        let process = lock(&self.operator.child).as_ref().map(Child::id).expect("an operator");
        signal(process, "STOP");
        Standstill(process)
    }

    /// Kills the operator and starts it again.
    pub fn restart(&self) {
        self.operator.restart();
    }

    /// What the operator has written to its log.
    pub fn log(&self) -> String {
        self.operator.said()
    }

    /// Whether the operator runs; one that has ended by itself has failed.
    pub fn is_alive(&self) -> bool {
        self.operator.is_alive()
    }
}

/// An operator that stands still.
pub struct Standstill(u32);

impl Drop for Standstill {
    fn drop(&mut self) {
        signal(self.0, "CONT");
    }
}

/// A second operator.
pub struct Rival(Operator);

impl Rival {
    /// Whether it runs; one that has ended by itself has failed.
    pub fn is_alive(&self) -> bool {
        self.0.is_alive()
    }

    /// What it has written to its log.
    pub fn log(&self) -> String {
        self.0.said()
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        self.0.kill();
    }
}

/// Whether a request is about the runs of a namespace or a class of theirs.
pub fn is_about_a_run(namespace: &str, call: &Call) -> bool {
    let ours = call.namespace == namespace || call.resource == "sandboxclasses";
    ours && !matches!(call.verb, "list" | "watch")
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.operator.kill();
    }
}

impl Operator {
    /// Writes what the operator needs: a kubeconfig with a fresh token, and its configuration.
    fn prepare(namespace: &str, proxy: &Proxy) -> Self {
        let cluster = cluster();
        let account = kubectl(&[
            "-n",
            &cluster.namespace,
            "get",
            "deployment",
            &cluster.release,
            "-o",
            "jsonpath={.spec.template.spec.serviceAccountName}",
        ]);
        let token = kubectl(&["-n", &cluster.namespace, "create", "token", &account, "--duration=2h"]);
        let folder = root().join("target/stand").join(namespace);
        std::fs::create_dir_all(&folder).expect("a folder");
        let name = "stand";
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": name,
            "clusters": [{"name": name, "cluster": {"server": format!("http://{}", proxy.address)}}],
            "users": [{"name": name, "user": {"token": token.trim()}}],
            "contexts": [{"name": name,
                "context": {"cluster": name, "user": name, "namespace": cluster.namespace}}],
        });
        std::fs::write(folder.join("kubeconfig"), kubeconfig.to_string()).expect("a kubeconfig");
        let config = json!({"watchNamespaces": [namespace]});
        std::fs::write(folder.join("operator.yaml"), config.to_string()).expect("a configuration");
        File::create(folder.join("log")).expect("a log");
        Self { folder, log: "log", child: Mutex::default() }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(self.folder.join(self.log)).unwrap_or_default()
    }

    fn is_alive(&self) -> bool {
        let mut child = lock(&self.child);
        child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn start(&self) {
        *lock(&self.child) = Some(self.spawn());
    }

    /// In one step for whoever asks whether it lives.
    fn restart(&self) {
        let mut child = lock(&self.child);
        end(&mut child);
        *child = Some(self.spawn());
    }

    fn kill(&self) {
        end(&mut lock(&self.child));
    }

    fn spawn(&self) -> Child {
        let log = OpenOptions::new().append(true).open(self.folder.join(self.log)).expect("the log");
        Command::new(env!("CARGO_BIN_EXE_stratbox"))
            .args(["operator", "--listen", "127.0.0.1:0", "--config"])
            .arg(self.folder.join("operator.yaml"))
            .env("KUBECONFIG", self.folder.join("kubeconfig"))
            .env("RUST_LOG", "debug,hyper_util=info,tower=info,h2=info")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the log"))
            .stderr(log)
            .spawn()
            .expect("the operator")
    }
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        child.kill().expect("a signal");
        child.wait().expect("its end");
    }
}

/// The release's operator at rest, until the last of these goes.
struct Paused;

static PAUSED: Mutex<u32> = Mutex::new(0);

impl Paused {
    fn begin() -> Self {
        let mut count = lock(&PAUSED);
        if *count == 0 {
            scale(0).unwrap_or_else(|error| panic!("kubectl scale: {error}"));
            let pods: Api<k8s_openapi::api::core::v1::Pod> =
                Api::namespaced(cluster().client.clone(), &cluster().namespace);
            let operators = ListParams::default().labels("app.kubernetes.io/component=operator");
            let started = Instant::now();
            while let Some(pod) = block_on(pods.list(&operators)).expect("the pods").items.pop() {
                assert!(started.elapsed() < START, "the release's operator {} does not go", pod.name_any());
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        *count += 1;
        Self
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        let mut count = lock(&PAUSED);
        *count -= 1;
        if *count == 0 {
            let deployment = format!("deployment/{}", cluster().release);
            let status = ["-n", &cluster().namespace, "rollout", "status", &deployment, "--timeout=60s"];
            // A test may be failing already: this must not end the process.
            if let Err(error) = scale(1).and_then(|_| kubectl_with(&status, "")) {
                eprintln!("the release's operator does not come back: {error}");
            }
        }
    }
}

fn scale(replicas: u32) -> Result<String, String> {
    let deployment = format!("deployment/{}", cluster().release);
    kubectl_with(&["-n", &cluster().namespace, "scale", &deployment, &format!("--replicas={replicas}")], "")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
