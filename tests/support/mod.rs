//! What every test on a cluster needs: the cluster itself, the installed release, namespaces, runs, and patience.
//!
//! Nothing here is skipped when something is missing: [`cluster`] makes it (cluster, images, chart, by
//! `tests/install`), and a test whose set-up fails, fails with the path of the log. All tests of a process share one
//! runtime and one client; tests themselves are plain functions that call [`block_on`] where they need the client.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of this module")]
#![allow(clippy::panic, clippy::print_stderr, reason = "a test that fails says where")]

use k8s_openapi::api::core::v1::{Event, ObjectReference, Pod};
use kube::api::ListParams;
use kube::{Api, Client};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use stratbox::crd::StrategyRun;

/// How long a run of a test's size may take on a busy machine.
pub const PATIENCE: Duration = Duration::from_mins(2);

/// The installed release and the way to it.
pub struct Cluster {
    /// cluster-admin.
    pub client: Client,
    /// Namespace of the operator.
    pub namespace: String,
    /// Name of the Helm release.
    pub release: String,
    /// References of the three images as the release has them.
    pub operator_image: String,
    /// The sandbox's.
    pub sandbox_image: String,
    /// The dataset's.
    pub dataset_image: String,
    kubeconfig: PathBuf,
    bin_dir: Option<PathBuf>,
}

static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
});

static CLUSTER: LazyLock<Cluster> = LazyLock::new(start);

/// Waits for a future on the runtime that all tests of this process share: a client must not outlive its runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    RUNTIME.block_on(future)
}

/// The cluster with this checkout's Stratbox in it; made if it is not there.
pub fn cluster() -> &'static Cluster {
    &CLUSTER
}

fn start() -> Cluster {
    let done =
        Command::new(root().join("tests/install")).stderr(Stdio::inherit()).output().expect("tests/install");
    assert!(
        done.status.success(),
        "tests/install failed: see {}",
        root().join("target/install/log").display()
    );
    let said = text(&done.stdout);
    let facts: BTreeMap<&str, &str> = said.lines().filter_map(|line| line.split_once('=')).collect();
    let fact =
        |name: &str| (*facts.get(name).unwrap_or_else(|| panic!("tests/install says no {name}"))).to_owned();
    let kubeconfig = PathBuf::from(fact("KUBECONFIG"));
    // Whoever asks first must not find none.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = block_on(async { Client::try_from(read_config(&kubeconfig).await).expect("a client") });
    Cluster {
        client,
        namespace: fact("NAMESPACE"),
        release: fact("RELEASE"),
        operator_image: fact("OPERATOR_IMAGE"),
        sandbox_image: fact("SANDBOX_IMAGE"),
        dataset_image: fact("DATASET_IMAGE"),
        kubeconfig,
        bin_dir: Some(PathBuf::from(fact("BIN_DIR"))).filter(|path| path.is_absolute()),
    }
}

async fn read_config(kubeconfig: &Path) -> kube::Config {
    let read = kube::config::Kubeconfig::read_from(kubeconfig).expect("the kubeconfig");
    let options = kube::config::KubeConfigOptions::default();
    kube::Config::from_custom_kubeconfig(read, &options).await.expect("the kubeconfig's content")
}

impl Cluster {
    /// A connection as the operator makes its own: without Nagle's algorithm, which costs a request with a body 40 ms.
    pub async fn operators_client(&self) -> Client {
        stratbox::operator::connect_to(read_config(&self.kubeconfig).await).expect("a client")
    }

    /// The file that says how to reach it.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }
}

/// The checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs helm without a cluster; a chart can be rendered on any machine.
pub fn helm(arguments: &[&str]) -> Output {
    static BIN_DIR: LazyLock<PathBuf> = LazyLock::new(|| {
        let done = Command::new(root().join("tests/cluster/build"))
            .arg("--bin-dir")
            .stderr(Stdio::inherit())
            .output()
            .expect("tests/cluster/build");
        assert!(done.status.success(), "tests/cluster/build --bin-dir failed");
        PathBuf::from(text(&done.stdout).trim())
    });
    Command::new(BIN_DIR.join("helm")).args(arguments).current_dir(root()).output().expect("helm")
}

/// Runs a program of the cluster's (kubectl, helm, crictl …) against it, with `input` on its stdin.
pub fn tool(name: &str, arguments: &[&str], input: &str) -> Output {
    let cluster = cluster();
    let program = cluster.bin_dir.as_ref().map_or_else(|| PathBuf::from(name), |folder| folder.join(name));
    let mut child = Command::new(program)
        .args(arguments)
        .env("KUBECONFIG", &cluster.kubeconfig)
        .current_dir(root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let mut stdin = child.stdin.take().expect("a stdin");
    let input = input.to_owned();
    // In a thread of its own: a program that does not read must not block us while it writes.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let done = child.wait_with_output().expect("an end");
    let _ = writer.join();
    done
}

/// Runs kubectl, which must succeed, and returns what it prints.
pub fn kubectl(arguments: &[&str]) -> String {
    kubectl_with(arguments, "").unwrap_or_else(|error| panic!("kubectl {arguments:?}: {error}"))
}

/// Runs kubectl with `input` on its stdin; an error is what it said on stderr.
pub fn kubectl_with(arguments: &[&str], input: &str) -> Result<String, String> {
    let done = tool("kubectl", arguments, input);
    if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr)) }
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Applies a manifest, by kubectl as users do; an error is what it said.
pub fn apply(namespace: &str, manifest: &str) -> Result<String, String> {
    kubectl_with(&["apply", "-n", namespace, "-f", "-"], manifest)
}

/// A run of `us-stocks` with that code; `more` are further lines of its spec, indented by two.
pub fn run_yaml(name: &str, code: &str, more: &str) -> String {
    let code: String =
        code.trim_start_matches('\n').lines().fold(String::new(), |all, line| all + "    " + line + "\n");
    let dataset = if more.contains("dataset:") { "" } else { "  dataset: {name: us-stocks}\n" };
    format!(
        "apiVersion: stratbox.dev/v1alpha1\nkind: StrategyRun\nmetadata:\n  name: {name}\nspec:\n{dataset}{more}\n  code: |\n{code}"
    )
}

/// A strategy that computes for so many times ten thousand rounds, as there is nothing to sleep with: a thousand take
/// about a second on half a CPU.
pub fn busy(rounds: u32) -> String {
    format!(
        "def strategy(data):\n    total = 0\n    for i in range({rounds}):\n        for j in range(10_000):\n            total += j % 7\n    return data['close'] > total * 0\n"
    )
}

/// A namespace of a test's own, in which only pods of the level `restricted` are admitted. It goes with this value; if
/// the test fails, what was in it is written to `target/test-logs` first.
pub struct Namespace {
    /// Its name.
    pub name: String,
}

/// A new namespace whose name starts with that word.
pub fn namespace(word: &str) -> Namespace {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let name = format!("test-{word}-{:x}-{count}", std::process::id());
    let manifest = format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    pod-security.kubernetes.io/enforce: restricted\n"
    );
    kubectl_with(&["create", "-f", "-"], &manifest)
        .unwrap_or_else(|error| panic!("namespace {name}: {error}"));
    Namespace { name }
}

impl Namespace {
    /// The runs in it.
    pub fn runs(&self) -> Api<StrategyRun> {
        Api::namespaced(cluster().client.clone(), &self.name)
    }

    /// Applies a manifest that must be accepted.
    pub fn apply(&self, manifest: &str) {
        apply(&self.name, manifest).unwrap_or_else(|error| panic!("kubectl apply: {error}\n{manifest}"));
    }

    /// Runs kubectl in it; it must succeed.
    pub fn kubectl(&self, arguments: &[&str]) -> String {
        kubectl(&[&["-n", &self.name], arguments].concat())
    }

    /// The pods in it that are so.
    pub fn pods(&self, are: impl Fn(&Pod) -> bool) -> Vec<Pod> {
        let pods: Api<Pod> = Api::namespaced(cluster().client.clone(), &self.name);
        let listed =
            block_on(pods.list(&ListParams::default())).unwrap_or_else(|error| panic!("the pods: {error}"));
        listed.items.into_iter().filter(are).collect()
    }

    /// How often the kubelet has started a container of one of these pods, by its own word.
    pub fn containers_started(&self, pods: &[String]) -> i32 {
        self.starts("involvedObject.kind=Pod", |pod| {
            pod.name.as_ref().is_some_and(|name| pods.contains(name))
        })
    }

    /// The same for the pod with that UID.
    pub fn containers_started_in(&self, pod_uid: &str) -> i32 {
        self.starts(&format!("involvedObject.uid={pod_uid}"), |_| true)
    }

    fn starts(&self, fields: &str, is_wanted: impl Fn(&ObjectReference) -> bool) -> i32 {
        let events: Api<Event> = Api::namespaced(cluster().client.clone(), &self.name);
        let started = ListParams::default().fields(&format!("reason=Started,{fields}"));
        let listed = block_on(events.list(&started)).unwrap_or_else(|error| panic!("the events: {error}"));
        let wanted = listed.iter().filter(|event| is_wanted(&event.involved_object));
        wanted.map(|event| event.count.unwrap_or(1)).sum()
    }

    /// Applies a run and waits for its end.
    pub fn finish(&self, name: &str, code: &str, more: &str) -> StrategyRun {
        self.apply(&run_yaml(name, code, more));
        self.wait_finished(name)
    }

    /// Waits for a run's end, as [`PATIENCE`] allows.
    pub fn wait_finished(&self, run: &str) -> StrategyRun {
        self.wait_until(run, is_finished, PATIENCE)
    }

    /// Waits until a run is as the predicate wants it; panics with the run as it is when time is up.
    pub fn wait_until(
        &self,
        run: &str,
        predicate: impl Fn(&StrategyRun) -> bool,
        timeout: Duration,
    ) -> StrategyRun {
        let runs = self.runs();
        let started = Instant::now();
        loop {
            let seen = block_on(runs.get(run)).unwrap_or_else(|error| panic!("run {run}: {error}"));
            if predicate(&seen) {
                return seen;
            }
            let waited = started.elapsed();
            assert!(
                waited < timeout,
                "after {} s run {run} is not as expected: {}",
                waited.as_secs(),
                serde_json::to_string_pretty(&seen.status).unwrap_or_default()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Namespace {
    /// Prints the runs that have not ended, the pods that are there and the latest warnings: where nobody can look at the
    /// files of a failed test, its output is all there is.
    fn say_what_is_left(&self) {
        let shown = |what: &str, path: &str| {
            let got =
                tool("kubectl", &["get", "-n", &self.name, what, "-o", &format!("jsonpath={path}")], "");
            let text = String::from_utf8_lossy(&got.stdout).into_owned();
            text.lines().rev().take(20).collect::<Vec<_>>().join("\n")
        };
        let runs = block_on(self.runs().list(&ListParams::default()));
        for run in runs.iter().flatten().filter(|run| !is_finished(run)).take(20) {
            let status = serde_json::to_string(&run.status).unwrap_or_default();
            eprintln!("has not ended: {} {status}", run.metadata.name.as_deref().unwrap_or_default());
        }
        let pods = shown("pods", r#"{range .items[*]}{.metadata.name}{" "}{.status}{"\n"}{end}"#);
        let warnings = shown(
            "events",
            r#"{range .items[?(@.type=="Warning")]}{.lastTimestamp}{" "}{.involvedObject.name}{" "}{.reason}{" "}{.message}{"\n"}{end}"#,
        );
        eprintln!("pods:\n{pods}\nwarnings:\n{warnings}");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let folder = root().join("target/test-logs");
            let file = folder.join(format!("{}.yaml", self.name));
            let there =
                tool("kubectl", &["get", "-n", &self.name, "sr,pods,events,netpol", "-o", "yaml"], "");
            let kept = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, there.stdout));
            if kept.is_ok() {
                eprintln!("what was in namespace {}: {}", self.name, file.display());
            }
            self.say_what_is_left();
        }
        // Not waited for: nobody uses the name again.
        let _ = tool("kubectl", &["delete", "namespace", &self.name, "--wait=false"], "");
    }
}

/// The metrics of the release's operator, as text.
pub fn operator_metrics() -> String {
    let Cluster { namespace, release, .. } = cluster();
    kubectl(&[
        "get",
        "--raw",
        &format!("/api/v1/namespaces/{namespace}/services/{release}:http/proxy/metrics"),
    ])
}

/// Sends a signal to a process of this machine.
pub fn signal(process: u32, name: &str) {
    let done = Command::new("kill").args(["-s", name, &process.to_string()]).status().expect("kill");
    // A test may be failing already: this must not end the process.
    assert!(done.success() || std::thread::panicking(), "kill -s {name} {process}");
}

/// Whether a run has ended for its present generation.
pub fn is_finished(run: &StrategyRun) -> bool {
    run.status.as_ref().is_some_and(|status| {
        status.completion_time.is_some() && status.observed_generation == run.metadata.generation
    })
}

/// Reason of a run's Ready condition, which is its STATUS; empty while there is none.
pub fn reason(run: &StrategyRun) -> &str {
    condition(run, "Ready").map_or("", |(_, reason, _)| reason)
}

/// Status, reason and message of a condition.
pub fn condition<'a>(run: &'a StrategyRun, type_: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let conditions = &run.status.as_ref()?.conditions;
    let found = conditions.iter().find(|condition| condition.type_ == type_)?;
    Some((&found.status, &found.reason, &found.message))
}

/// The default class under another name, its dataset as a volume, with changes; cluster-scoped, so the name carries the
/// namespace's.
pub fn class_yaml(name: &str, changes: &str) -> String {
    let cluster = cluster();
    let image = if changes.contains("image:") {
        String::new()
    } else {
        format!("  image: {}\n", cluster.sandbox_image)
    };
    format!(
        "apiVersion: stratbox.dev/v1alpha1\nkind: SandboxClass\nmetadata: {{name: {name}}}\nspec:\n{image}  datasets:\n  - name: us-stocks\n    image: {{reference: \"{}\"}}\n{changes}",
        cluster.dataset_image
    )
}

/// A class of a test's own, which goes with this value.
pub struct Class(pub String);

impl Class {
    /// Applies it.
    pub fn new(name: &str, changes: &str) -> Self {
        apply("default", &class_yaml(name, changes)).expect("the class is accepted");
        Self(name.to_owned())
    }
}

impl Drop for Class {
    fn drop(&mut self) {
        let _ = tool("kubectl", &["delete", "sandboxclass", &self.0, "--wait=false"], "");
    }
}
