//! The sandbox as the node really runs it.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

mod support;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use std::time::{Duration, Instant};
use stratbox::crd::StrategyRun;
use stratbox::sandbox::{profile_label, profile_path};
use support::{Class, Namespace, PATIENCE, block_on, busy, cluster, condition, namespace, reason, run_yaml};

/// About a minute of computing on half a CPU.
const LONG: u32 = 80_000;

/// Starts a long run and returns its pod once the strategy is running in it.
fn running(home: &Namespace, name: &str, class: &str) -> (StrategyRun, Pod) {
    let spec = format!("  className: {class}\n  dataset: {{name: us-stocks, symbols: [AAPL]}}\n");
    home.apply(&run_yaml(name, &busy(LONG), &spec));
    let run = home.wait_until(name, |run| reason(run) == "Running", PATIENCE);
    let pod_name = run.status.as_ref().unwrap().attempts[0].pod_name.clone();
    let pods: Api<Pod> = Api::namespaced(cluster().client.clone(), &home.name);
    (run, block_on(pods.get(&pod_name)).unwrap())
}

/// Runs a Python expression in the sandbox as an admin would, and returns what it prints.
fn python(home: &Namespace, pod: &str, expression: &str) -> String {
    home.kubectl(&["exec", pod, "--", "/usr/bin/python3", "-B", "-c", &format!("print({expression})")])
}

#[test]
fn every_hardening_field_is_there_and_in_force() {
    let home = namespace("hardening");
    let (run, pod) = running(&home, "long", "default");
    let name = pod.metadata.name.clone().unwrap();
    let spec = pod.spec.clone().unwrap();
    let context = spec.security_context.clone().unwrap();
    let container = &spec.containers[0];
    let inner = container.security_context.clone().unwrap();

    // What the pod asks for.
    assert_eq!(spec.containers.len(), 1);
    assert_eq!(spec.restart_policy.as_deref(), Some("Never"));
    assert_eq!(spec.automount_service_account_token, Some(false));
    assert_eq!(spec.enable_service_links, Some(false));
    assert_eq!(spec.dns_policy.as_deref(), Some("None"));
    assert_eq!(spec.host_users, Some(false), "the nodes of the test cluster have user namespaces");
    assert_eq!((spec.host_network, spec.host_pid, spec.host_ipc), (None, None, None));
    assert!(spec.active_deadline_seconds.unwrap() >= 300);
    for (seccomp, user, group) in [
        (context.seccomp_profile.clone(), context.run_as_user, context.run_as_group),
        (inner.seccomp_profile.clone(), inner.run_as_user, inner.run_as_group),
    ] {
        let seccomp = seccomp.unwrap();
        assert_eq!((seccomp.type_.as_str(), seccomp.localhost_profile), ("Localhost", Some(profile_path())));
        assert_eq!((user, group), (Some(1000), Some(1000)));
    }
    assert_eq!((context.run_as_non_root, inner.run_as_non_root), (Some(true), Some(true)));
    assert_eq!(inner.allow_privilege_escalation, Some(false));
    assert_eq!(inner.read_only_root_filesystem, Some(true));
    assert_eq!(inner.capabilities.unwrap().drop, Some(vec!["ALL".to_owned()]));
    let limits = container.resources.clone().unwrap().limits.unwrap();
    assert_eq!((limits["cpu"].0.as_str(), limits["memory"].0.as_str()), ("500m", "2Gi"));
    let affinity = serde_json::to_string(&spec.affinity).unwrap();
    assert!(affinity.contains(&profile_label()), "{affinity}");
    let owner = &pod.metadata.owner_references.clone().unwrap()[0];
    assert_eq!((Some(&owner.uid), owner.block_owner_deletion), (run.metadata.uid.as_ref(), None));
    let policy =
        home.kubectl(&["get", "networkpolicy", "stratbox-deny-all", "-o", "jsonpath={.spec.policyTypes}"]);
    assert!(policy.contains("Ingress") && policy.contains("Egress"), "{policy}");

    // What the kernel has in force: PID 1, then the evaluation, which has one filter more.
    let status = python(&home, &name, "open('/proc/1/status').read()");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().next().unwrap_or_default().to_owned()
    };
    assert_eq!((field("Seccomp").as_str(), field("NoNewPrivs").as_str()), ("2", "1"), "{status}");
    assert_eq!(field("Uid"), "1000");
    for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert_eq!(u64::from_str_radix(&field(set), 16), Ok(0), "{set}");
    }
    let mapping = python(&home, &name, "open('/proc/1/uid_map').read().split()");
    assert!(!mapping.contains("4294967295"), "a user namespace of its own: {mapping}");
    let sockets = "[__import__('socket').socket]";
    let probe = format!("(lambda f: f())(lambda: {sockets}[0]())");
    let refused = support::kubectl_with(
        &["-n", &home.name, "exec", &name, "--", "/usr/bin/python3", "-B", "-c", &probe],
        "",
    );
    assert!(refused.unwrap_err().contains("PermissionError"), "no socket of any kind");
    let written = support::kubectl_with(
        &["-n", &home.name, "exec", &name, "--", "/usr/bin/python3", "-B", "-c", "open('/x', 'w')"],
        "",
    );
    assert!(written.unwrap_err().contains("Read-only file system"));
    let shell = support::kubectl_with(&["-n", &home.name, "exec", &name, "--", "/bin/sh", "-c", "true"], "");
    assert!(shell.is_err(), "there is no shell");
    assert_eq!(
        (&spec.volumes, &container.volume_mounts),
        (&None, &None),
        "a kubelet lets pods with volumes wait"
    );
    // The pod's own shared memory, and its message queues, are behind Landlock, stage 2 and limits alone (`e2e_attacks`).
    writable_is(&home, &name, &["/dev/mqueue", "/dev/shm"]);
}

#[test]
fn where_a_dataset_is_a_volume_shared_memory_is_read_only_too() {
    let home = namespace("volumes");
    let class = Class::new(&format!("{}-volumes", home.name), "");
    let (_, pod) = running(&home, "long", &class.0);
    let spec = pod.spec.unwrap();
    let mounts = spec.containers[0].volume_mounts.clone().unwrap();
    let at: Vec<_> = mounts.iter().map(|mount| (mount.mount_path.as_str(), mount.read_only)).collect();
    let read_only = ["/dev/shm", "/dev/mqueue", "/datasets/us-stocks"].map(|path| (path, Some(true)));
    assert_eq!(at, read_only);
    writable_is(&home, &pod.metadata.name.unwrap(), &[]);
}

/// Writable is the kernel's own, the file for the report, which the runner alone can reach (`e2e_forgery`, X1 to X3), and
/// these mounts; found by the mounts and by asking for every path there is.
fn writable_is(home: &Namespace, pod: &str, more: &[&str]) {
    let mounted = "[(m[1], m[2]) for m in (line.split() for line in open('/proc/self/mounts')) if 'rw' in m[3].split(',')]";
    let mut mounted: Vec<String> =
        python(home, pod, &format!("*[' '.join(m) for m in {mounted}], sep='\\n'"))
            .lines()
            .map(str::to_owned)
            .collect();
    mounted.retain(|mount| !mount.starts_with("/dev/termination-log "));
    // The kernel's own, each of whose files has its own rights, and a file of the kubelet's that is root's: which of them
    // are mounts of their own depends on the user namespace and on the control groups' version.
    let own = |mount: &String| {
        ["/dev tmpfs", "/sys/fs/cgroup tmpfs"].contains(&mount.as_str())
            || mount.starts_with("/etc/hosts ")
            || more.iter().any(|path| mount.split(' ').next() == Some(*path))
            || [" devtmpfs", " devpts", " proc", " cgroup2"].iter().any(|kind| mount.ends_with(kind))
    };
    let others: Vec<&String> = mounted.iter().filter(|mount| !own(mount)).collect();
    assert!(others.is_empty() && !mounted.is_empty(), "mounts with rw: {others:?}");
    let paths = "[os.path.join(folder, name) for folder, folders, files in os.walk('/') if not folder.startswith(('/proc', '/sys')) for name in ['', *folders, *files]]";
    let writable = format!(
        "(lambda os, stat: sorted({{p.rstrip('/') for p in {paths} if not os.path.islink(p) and os.access(p, os.W_OK) and not stat.S_ISCHR(os.stat(p).st_mode)}}))(__import__('os'), __import__('stat'))"
    );
    let expected = [more, &["/dev/termination-log"]].concat();
    assert_eq!(
        python(home, pod, &writable).trim().replace('\'', "\""),
        format!("{expected:?}"),
        "writable paths"
    );
    // The same question where the answer must be another one: the devices that everybody may write.
    let devices = "(lambda os, stat: [d for d in sorted(os.listdir('/dev')) if os.access('/dev/' + d, os.W_OK) and stat.S_ISCHR(os.lstat('/dev/' + d).st_mode)])(__import__('os'), __import__('stat'))";
    let devices = python(home, pod, devices);
    assert_eq!(devices.trim(), "['full', 'null', 'random', 'tty', 'urandom', 'zero']");
    // `core` is there where the kernel has a file of that kind.
    let all = python(home, pod, "[d for d in sorted(__import__('os').listdir('/dev')) if d != 'core']");
    assert_eq!(
        all.trim(),
        "['fd', 'full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'termination-log', 'tty', 'urandom', 'zero']"
    );
}

#[test]
fn a_deleted_run_leaves_no_pod_after_ten_seconds() {
    let home = namespace("deleted");
    let (_, pod) = running(&home, "gone", "default");
    let started = Instant::now();
    home.kubectl(&["delete", "strategyrun", "gone"]);
    let pods: Api<Pod> = Api::namespaced(cluster().client.clone(), &home.name);
    let name = pod.metadata.name.unwrap();
    while block_on(pods.get_opt(&name)).unwrap().is_some() {
        assert!(started.elapsed() < Duration::from_secs(10), "the pod is still there");
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("pod gone after {} ms", started.elapsed().as_millis());
}

#[test]
fn what_is_in_force_stands_in_the_status() {
    let home = namespace("isolation");
    let code = "def strategy(data):\n    print('\\x1b[31mhello\\x1b[0m')\n    return data['close'] > 0\n";
    let run = home.finish("told", code, "");
    assert_eq!(condition(&run, "Ready").unwrap().1, "Succeeded");
    let status = run.status.unwrap();
    let provenance = status.provenance.unwrap();
    let isolation = provenance.isolation.unwrap();
    assert_eq!((isolation.seccomp, isolation.no_new_privs, isolation.uid), (2, true, 1000));
    assert_eq!(u64::from_str_radix(&isolation.cap_eff, 16), Ok(0));
    assert!(isolation.stage2, "the evaluation's own filter was seen before it was given data");
    assert!(!isolation.uid_map.ends_with("4294967295"), "{}", isolation.uid_map);
    assert_eq!(provenance.data_sha256.unwrap().len(), 64);
    assert_eq!(status.output.as_deref().map(str::trim), Some(r"\u{1b}[31mhello\u{1b}[0m"));
    assert_eq!(status.attempts.len(), 1);
}
