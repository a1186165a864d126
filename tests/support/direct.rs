//! A sandbox without operator and without gate: the very pod that the operator would build, attached to as a session
//! attaches, and handed whatever code a test likes. Beside it, a pod of the same image in which nothing of ours is in
//! force: an attack that fails there too proves nothing.

#![allow(dead_code, unreachable_pub, reason = "every test binary uses another part of this module")]
#![allow(clippy::panic, reason = "a test that fails says where")]

use crate::support::{Namespace, block_on, cluster, kubectl, namespace};
use futures::StreamExt as _;
use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::Api;
use kube::api::{LogParams, PostParams};
use serde_json::json;
use std::time::{Duration, Instant};
use stratbox::config::Config;
use stratbox::crd::{DatasetSlice, ResourceLimits, SandboxClass, StrategyRunSpec};
use stratbox::operator::attach_params;
use stratbox::run::{Resolved, resolve};
use stratbox::sandbox::{CONTAINER, Exit, PodRequest, PodState, Purpose, build_pod, read_pod};
use stratbox::wire::{self, Checks, Expected, Hello, Inbound, Outbound, Progress, Report, Run};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

/// Sandboxes at a time: each has a processor's work to do before it is up.
const AT_ONCE: usize = 3;

/// How long a runner may take to answer a line.
const ANSWER: Duration = Duration::from_secs(5);

/// How long one may take on a busy machine.
const LONG: Duration = Duration::from_mins(3);

/// One strategy that no gate has seen. `@POD@` in its code becomes the UID of its pod, `@RUN@` that of its run.
#[derive(Debug, Clone)]
pub struct Order {
    pub name: String,
    pub code: String,
    pub symbols: Vec<String>,
    pub end: Option<String>,
    pub deadline: u32,
    pub user_namespace: bool,
    pub memory: &'static str,
}

impl Order {
    /// On AAPL alone, in a user namespace.
    pub fn new(name: &str, code: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            code: code.into(),
            symbols: vec!["AAPL".into()],
            end: None,
            deadline: 60,
            user_namespace: true,
            memory: "2Gi",
        }
    }
}

/// What came of an order.
#[derive(Debug)]
pub struct Shot {
    pub name: String,
    /// The frame as it was sent.
    pub run: Run,
    /// Every line that came over attach.
    pub lines: Vec<String>,
    /// The container's end as its pod says it.
    pub exit: Exit,
    /// The container's log.
    pub log: Vec<u8>,
}

impl Shot {
    /// What the operator holds this run against.
    pub fn expected(&self) -> Expected<'_> {
        expected(&self.run)
    }

    /// The one report of this sandbox, which must be believed by either way and the same by both: over attach, and in the
    /// termination log. Whatever was attacked, nothing else that could be taken for a report may be in the transcript.
    pub fn report(&self) -> Report {
        let name = &self.name;
        let live = reports(self.lines.iter().map(String::as_str));
        assert_eq!(live.len(), 1, "{name}: reports over attach: {:?}", self.lines);
        live[0].check(&self.expected()).unwrap_or_else(|error| panic!("{name}: over attach: {error}"));
        assert_eq!(self.exit.code, 0, "{name}: {:?}", self.exit);
        let written = Report::read(self.exit.message.as_bytes(), &self.expected());
        let written = written.unwrap_or_else(|error| panic!("{name}: in the termination log: {error}"));
        assert_eq!(written, live[0], "{name}: attach and termination log differ");
        let log = String::from_utf8(self.log.clone()).expect("the runner writes UTF-8 only");
        assert_eq!(reports(log.lines()), live, "{name}: the transcript has another report");
        written
    }
}

/// What the operator holds a frame's report against.
pub fn expected(run: &Run) -> Expected<'_> {
    Expected { run_uid: &run.run_uid, pod_uid: &run.pod_uid, attempt: run.attempt, code_sha256: &run.sha256 }
}

/// Every report in these lines, in states too.
pub fn reports<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Report> {
    let frames = lines.filter_map(|line| Outbound::from_line(line.as_bytes()).ok());
    frames
        .filter_map(|frame| match frame {
            Outbound::Report(report) => Some(*report),
            Outbound::State(state) => match state.progress {
                Progress::Reported(report) => Some(*report),
                Progress::Warming | Progress::Ready | Progress::Accepted(_) => None,
            },
            Outbound::Accepted(_) | Outbound::Stage(_) | Outbound::Artifact(_) => None,
        })
        .collect()
}

/// Where sandboxes without operator run: two namespaces, one of them without any rule.
pub struct Range {
    pub home: Namespace,
    outside: Namespace,
    class: SandboxClass,
    owner: OwnerReference,
    config: Config,
}

impl Range {
    /// With the class that is installed.
    pub fn new(word: &str) -> Self {
        let home = namespace(word);
        let outside = namespace(&format!("{word}-open"));
        kubectl(&[
            "label",
            "namespace",
            &outside.name,
            "--overwrite",
            "pod-security.kubernetes.io/enforce=privileged",
        ]);
        let client = &cluster().client;
        let class = block_on(Api::<SandboxClass>::all(client.clone()).get("default"));
        // Pods need an owner, and the operator must not know it.
        let owner: ConfigMap = serde_json::from_value(json!({"metadata": {"name": "owner"}})).expect("valid");
        let maps: Api<ConfigMap> = Api::namespaced(client.clone(), &home.name);
        let owner = block_on(maps.create(&PostParams::default(), &owner)).expect("an owner");
        let owner = OwnerReference {
            api_version: "v1".into(),
            kind: "ConfigMap".into(),
            name: "owner".into(),
            uid: owner.metadata.uid.expect("a UID"),
            ..OwnerReference::default()
        };
        let config = Config::from_yaml("", None).expect("the defaults");
        Self { home, outside, class: class.expect("the default class"), owner, config }
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(cluster().client.clone(), &self.home.name)
    }

    /// Hands all of them over, a few at a time; what came of each, in their order.
    pub fn shoot(&self, orders: Vec<Order>) -> Vec<Shot> {
        block_on(futures::stream::iter(orders).map(|order| self.one(order)).buffered(AT_ONCE).collect())
    }

    /// Creates the pod of an order, and says what it is told to run.
    pub async fn begin(&self, order: &Order) -> (Pod, Run) {
        let mut class = self.class.spec.clone();
        let limits = ResourceLimits {
            cpu: Some("1".into()),
            memory: Some(order.memory.into()),
            ..class.limits.clone().unwrap_or_default()
        };
        (class.limits, class.max_limits) = (Some(limits.clone()), Some(limits));
        let spec = StrategyRunSpec {
            code: Some(order.code.clone()),
            class_name: "default".into(),
            dataset: DatasetSlice {
                name: "us-stocks".into(),
                symbols: order.symbols.clone(),
                end: order.end.clone(),
                ..DatasetSlice::default()
            },
            active_deadline_seconds: Some(order.deadline),
            ..StrategyRunSpec::default()
        };
        let resolved = resolve(&spec, &class, &self.config).expect("a whole spec");
        let pod = build_pod(&PodRequest {
            namespace: &self.home.name,
            name: &order.name,
            owner: self.owner.clone(),
            purpose: Purpose::Run { attempt: 1 },
            class_name: "default",
            class: &class,
            limits: &resolved.echo.limits,
            requests: &resolved.requests,
            config: self.config.sandbox,
            user_namespace: order.user_namespace,
            preload: Some(resolved.dataset),
            ahead: None,
            active_deadline_seconds: 300,
        });
        let pod = self.pods().create(&PostParams::default(), &pod).await;
        let pod = pod.unwrap_or_else(|error| panic!("pod {}: {error}", order.name));
        let pod_uid = pod.metadata.uid.clone().expect("a UID");
        let run = frame(&spec, &resolved, &self.owner.uid, &pod_uid);
        (pod, run)
    }

    async fn one(&self, order: Order) -> Shot {
        let (_, run) = self.begin(&order).await;
        let lines = self.converse(&order.name, &run).await;
        let exit = self.ended(&self.pods(), &order.name).await;
        let log = raw_log(&self.pods(), &order.name).await;
        let _ = self.pods().delete(&order.name, &kube::api::DeleteParams::default().grace_period(0)).await;
        Shot { name: order.name, run, lines, exit, log }
    }

    /// Attaches as a session does, hands over, and listens to the end.
    async fn converse(&self, name: &str, run: &Run) -> Vec<String> {
        let started = Instant::now();
        let mut lines = Vec::new();
        while started.elapsed() < LONG {
            let Ok(mut attached) = self.pods().attach(name, &attach_params()).await else {
                let pod = self.pods().get(name).await.unwrap_or_else(|error| panic!("pod {name}: {error}"));
                if matches!(read_pod(&pod), PodState::Exited(_)) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let mut stdin = attached.stdin().expect("stdin was asked for");
            let stdout = attached.stdout().expect("stdout was asked for");
            let hello = Inbound::Hello(Hello { nonce: "direct".into() }).to_line();
            let frame = Inbound::Run(Box::new(run.clone())).to_line();
            if stdin.write_all((hello + &frame).as_bytes()).await.is_err() || stdin.flush().await.is_err() {
                continue;
            }
            let mut stream = BufReader::new(stdout).lines();
            // What is written to a container that is just coming up may be lost: no answer, another try, as a session does.
            loop {
                let latched = lines.iter().any(|line: &String| line.contains("\"accepted\""));
                let patience = if latched { LONG } else { ANSWER };
                match tokio::time::timeout(patience, stream.next_line()).await {
                    Ok(Ok(Some(line))) => lines.push(line),
                    Ok(Ok(None) | Err(_)) | Err(_) => break,
                }
            }
            if !reports(lines.iter().map(String::as_str)).is_empty() {
                break;
            }
        }
        lines
    }

    async fn ended(&self, pods: &Api<Pod>, name: &str) -> Exit {
        let started = Instant::now();
        loop {
            let pod = pods.get(name).await.unwrap_or_else(|error| panic!("pod {name}: {error}"));
            if let PodState::Exited(exit) = read_pod(&pod) {
                return exit;
            }
            assert!(started.elapsed() < LONG, "pod {name} does not end: {:?}", pod.status);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Runs a Python program as PID 1 of a pod of the same image, in which nothing of ours is in force: no profile, no
    /// Landlock, no runner. With all privileges, or as the user of a sandbox.
    pub fn outside(&self, name: &str, arguments: &[&str], privileged: bool) -> (Exit, Vec<u8>) {
        let context = if privileged {
            json!({"privileged": true, "runAsUser": 0, "seccompProfile": {"type": "Unconfined"}})
        } else {
            json!({"runAsUser": 1000, "runAsGroup": 1000, "seccompProfile": {"type": "Unconfined"}})
        };
        let mut command = vec!["/usr/bin/python3", "-s", "-P", "-B", "-X", "utf8", "-c"];
        command.extend(arguments);
        let pod = serde_json::from_value::<Pod>(json!({
            "metadata": {"name": name},
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "containers": [{
                    "name": CONTAINER, "image": self.class.spec.image, "imagePullPolicy": "IfNotPresent",
                    "command": command, "securityContext": context,
                }],
            },
        }));
        let pods: Api<Pod> = Api::namespaced(cluster().client.clone(), &self.outside.name);
        block_on(async {
            let made = pods.create(&PostParams::default(), &pod.expect("a pod")).await;
            made.unwrap_or_else(|error| panic!("pod {name}: {error}"));
            let exit = self.ended(&pods, name).await;
            (exit, raw_log(&pods, name).await)
        })
    }
}

/// The frame of a run: the only place here that spells it.
fn frame(spec: &StrategyRunSpec, resolved: &Resolved<'_>, run_uid: &str, pod_uid: &str) -> Run {
    let code = spec.code.clone().unwrap_or_default().replace("@POD@", pod_uid).replace("@RUN@", run_uid);
    Run {
        schema: wire::SCHEMA,
        run_uid: run_uid.into(),
        pod_uid: pod_uid.into(),
        attempt: 1,
        sha256: wire::sha256_hex(code.as_bytes()),
        code,
        params: spec.params.clone(),
        dataset: wire::Dataset {
            name: resolved.dataset.name.clone(),
            path: resolved.dataset.path.clone(),
            format: resolved.dataset.format,
            symbols: spec.dataset.symbols.clone(),
            start: spec.dataset.start.clone(),
            end: spec.dataset.end.clone(),
        },
        benchmark: spec.benchmark.clone(),
        execution: resolved.execution,
        limits: wire::Limits {
            active_deadline_seconds: resolved.echo.active_deadline_seconds,
            memory_bytes: resolved.memory_bytes,
        },
        trials: resolved.trials,
        checks: Checks::OFF,
        require: Vec::new(),
        artifacts: Vec::new(),
    }
}

/// The container's log as it is, whatever bytes are in it.
async fn raw_log(pods: &Api<Pod>, name: &str) -> Vec<u8> {
    use futures::AsyncReadExt as _;
    let params = LogParams { container: Some(CONTAINER.into()), ..LogParams::default() };
    let mut bytes = Vec::new();
    let mut stream =
        pods.log_stream(name, &params).await.unwrap_or_else(|error| panic!("log of {name}: {error}"));
    stream.read_to_end(&mut bytes).await.expect("a log");
    bytes
}
