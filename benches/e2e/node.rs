//! What the bench reads beside the API server: it runs on the node, where that is the test cluster's.

use crate::support::{root, text};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What `tests/cluster/up` says about the node; empty where the cluster is somebody else's.
pub(crate) fn cluster_env() -> BTreeMap<String, String> {
    let folder = root().join("target/cluster");
    let foreign = std::env::var_os("KUBECONFIG").is_some_and(|path| path != folder.join("kubeconfig"));
    if foreign {
        return BTreeMap::new();
    }
    fs::read_to_string(folder.join("env"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect()
}

/// Resident memory of the operator in MiB; none when it runs on another node.
pub(crate) fn operator_rss() -> Option<f64> {
    let processes = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
    let operator = processes
        .filter(|path| {
            let line = fs::read(path.join("cmdline")).unwrap_or_default();
            let mut arguments = line.split(|&byte| byte == 0);
            arguments.next().is_some_and(|program| program.ends_with(b"/stratbox"))
                && arguments.next() == Some(b"operator")
        })
        .find_map(|path| fs::read_to_string(path.join("status")).ok())?;
    let line = operator.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u32 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(f64::from(kib) / 1024.0)
}

/// Resident memory of a pod's processes in MiB, without what they share with other pods' by the page cache; pages that they
/// share with each other since a fork count once. None when the pod is on another node.
pub(crate) fn resident(pod_uid: &str) -> Option<f64> {
    let systemd = pod_uid.replace('-', "_");
    let processes = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.path());
    let kib: u32 = processes
        .filter(|path| {
            let group = fs::read_to_string(path.join("cgroup")).unwrap_or_default();
            group.contains(pod_uid) || group.contains(&systemd)
        })
        .filter_map(|path| fs::read_to_string(path.join("smaps_rollup")).ok())
        .filter_map(|rollup| {
            let line = rollup.lines().find_map(|line| line.strip_prefix("Pss_Anon:"))?;
            line.trim().strip_suffix(" kB")?.trim().parse::<u32>().ok()
        })
        .sum();
    (kib > 0).then(|| f64::from(kib) / 1024.0)
}

/// Unpacked sizes of the images of this checkout as `images/check` measures them, by name.
pub(crate) fn image_sizes() -> Result<Vec<(String, String)>, String> {
    let folder = root().join("target/images");
    let entries = fs::read_dir(&folder).map_err(|_| "not built here (make images)".to_owned())?;
    let mut archives: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "tar"))
        .collect();
    archives.sort();
    let done = Command::new(root().join("images/check"))
        .args(["--rounds", "1"])
        .args(&archives)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("images/check: {error}"))?;
    let lines = text(&done.stdout);
    let sizes: Vec<(String, String)> = lines
        .lines()
        .filter_map(|line| {
            let size = line.split(' ').find_map(|word| word.strip_prefix("unpacked="))?;
            Some((line.split(' ').next()?.to_owned(), size.to_owned()))
        })
        .collect();
    if sizes.is_empty() { Err(format!("images/check: {}", text(&done.stderr).trim())) } else { Ok(sizes) }
}

/// The API server's audit log from a moment on.
pub(crate) struct Audit {
    path: PathBuf,
    from: u64,
}

impl Audit {
    /// From now on; none without the test cluster.
    pub(crate) fn begin(env: &BTreeMap<String, String>) -> Option<Self> {
        let path = std::env::var_os("STRATBOX_AUDIT_LOG").map(PathBuf::from);
        let path = path.or_else(|| env.get("STRATBOX_AUDIT_LOG").map(PathBuf::from))?;
        let from = fs::metadata(&path).ok()?.len();
        Some(Self { path, from })
    }

    /// Writes by service accounts of `account_namespace` to objects in `namespace` since then, by verb and resource,
    /// without Events, Leases and attach.
    pub(crate) fn writes(
        &self,
        account_namespace: &str,
        namespace: &str,
    ) -> Result<BTreeMap<String, u32>, String> {
        let failed = |error: std::io::Error| format!("{}: {error}", self.path.display());
        let mut file = fs::File::open(&self.path).map_err(failed)?;
        if file.metadata().map_err(failed)?.len() < self.from {
            return Err("the audit log was rotated meanwhile".into());
        }
        file.seek(SeekFrom::Start(self.from)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        let account = format!("system:serviceaccount:{account_namespace}:");
        let mut writes = BTreeMap::new();
        // The last line may be half-written.
        for entry in
            bytes.split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice::<Value>(line).ok())
        {
            if let Some(what) = write_of(&entry, &account, namespace) {
                *writes.entry(what).or_insert(0) += 1;
            }
        }
        Ok(writes)
    }
}

/// Verb and resource of an audited request that counts as a write.
fn write_of(entry: &Value, account: &str, namespace: &str) -> Option<String> {
    let object = &entry["objectRef"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let (verb, resource, subresource) =
        (word(&entry["verb"]), word(&object["resource"]), word(&object["subresource"]));
    let counts = entry["stage"] == json!("ResponseComplete")
        && word(&entry["user"]["username"]).starts_with(account)
        && object["namespace"] == json!(namespace)
        && ["create", "update", "patch", "delete", "deletecollection"].contains(&verb.as_str())
        && !["events", "leases"].contains(&resource.as_str())
        && subresource != "attach";
    let resource = if subresource.is_empty() { resource } else { format!("{resource}/{subresource}") };
    counts.then(|| format!("{verb} {resource}"))
}
