//! A bare container: containerd and runc without Kubernetes, the same image, script and limits. What a cluster adds is
//! what lies between it and the Job.

use super::subject::{milliseconds, settings};
use crate::support::{root, text, tool};
use std::collections::BTreeMap;
use std::time::Instant;
use stratbox::sandbox::profile_path;

/// Where the node's own parts are.
struct Node {
    socket: String,
    runc: String,
    profile: String,
}

/// A way to run bare containers.
pub(crate) struct Bare {
    node: Node,
    image: String,
    env: Vec<(String, String)>,
    count: u32,
}

impl Bare {
    /// An error says why there is nothing to measure.
    pub(crate) fn prepare(env: &BTreeMap<String, String>, image: &str) -> Result<Self, String> {
        let fact = |name: &str| env.get(name).cloned().ok_or("the node is not this machine");
        let node = Node {
            socket: fact("CONTAINERD_ADDRESS")?,
            runc: fact("STRATBOX_CLUSTER_BIN")? + "/runc",
            profile: fact("STRATBOX_SECCOMP_DIR")? + "/" + &profile_path(),
        };
        Ok(Self { node, image: image.to_owned(), env: settings(), count: 0 })
    }

    /// Runs one container from nothing to nothing; milliseconds.
    pub(crate) fn measure(&mut self) -> Result<f64, String> {
        self.count += 1;
        let name = format!("stratbox-bench-{}-{}", std::process::id(), self.count);
        let state = root().join("target/bench/runc").display().to_string();
        let variables: Vec<String> = self.env.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut arguments = vec!["run", "--rm", "--read-only", "--user", "1000:1000", "--cpus", "0.5"];
        arguments.extend(["--memory-limit", "2147483648"]);
        arguments.extend(["--seccomp", "--seccomp-profile", &self.node.profile]);
        arguments.extend(["--runc-binary", &self.node.runc, "--runc-root", &state]);
        arguments.extend(variables.iter().flat_map(|variable| ["--env", variable]));
        arguments.extend([&self.image, &name, "python3", "-c", include_str!("backtest.py")]);
        let started = Instant::now();
        let printed = self.node.ctr(&arguments)?;
        let taken = started.elapsed();
        if printed.contains("sharpeRatio") { Ok(milliseconds(taken)) } else { Err(printed) }
    }
}

impl Node {
    /// Runs containerd's own client; what it printed.
    fn ctr(&self, arguments: &[&str]) -> Result<String, String> {
        let done = tool("ctr", &[&["--address", &self.socket, "-n", "k8s.io"], arguments].concat(), "");
        if done.status.success() { Ok(text(&done.stdout)) } else { Err(text(&done.stderr).trim().to_owned()) }
    }
}
