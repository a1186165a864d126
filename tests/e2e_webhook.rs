//! The gate at admission, on the real cluster: the release gets its webhook for the time of this test and is as
//! installed afterwards, whatever happens. In a test binary of its own, as the operator goes up and down.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]

mod support;

use k8s_openapi::ByteString;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use support::{PATIENCE, cluster, kubectl, kubectl_with, namespace, reason, run_yaml, text, tool};

const GOOD: &str = "def strategy(data):\n    return data['close'] > 0\n";
const BAD: &str = "import os\n\n\ndef strategy(data):\n    return data['close'] > 0\n";
const SCIPY: &str =
    "from scipy.stats import zscore\n\n\ndef strategy(data):\n    return data['close'].apply(zscore) > 0\n";
/// A class that allows what the installed one does not.
const CLASS: &str = "test-webhook";
/// The shortest life of a certificate: a new one after 20 s.
const SHORT: &str = "webhook.certificate.lifetimeSeconds=30";

/// The release with its webhook; dropped, without.
struct Webhook;

fn configuration() -> String {
    format!("{}-webhook", cluster().release)
}

fn upgrade(values: &str) -> Result<(), String> {
    let cluster = cluster();
    let arguments =
        ["upgrade", &cluster.release, "charts/stratbox", "-n", &cluster.namespace, "--reuse-values"];
    // Whatever somebody has put there by hand is taken over, as tests/install does in our own cluster.
    let more = ["--take-ownership", "--force-conflicts", "--wait", "--timeout", "3m", "--set", values];
    let done = tool("helm", &[&arguments[..], &more].concat(), "");
    if done.status.success() { Ok(()) } else { Err(text(&done.stderr)) }
}

fn scale(replicas: u32) {
    let (deployment, replicas) =
        (format!("deployment/{}", cluster().release), format!("--replicas={replicas}"));
    kubectl(&["-n", &cluster().namespace, "scale", &deployment, &replicas]);
    kubectl(&["-n", &cluster().namespace, "rollout", "status", &deployment, "--timeout=120s"]);
}

impl Webhook {
    fn on(values: &str) -> Self {
        let webhook = Self;
        upgrade(values).unwrap_or_else(|error| panic!("helm upgrade: {error}"));
        webhook
    }
}

impl Drop for Webhook {
    fn drop(&mut self) {
        let deployment = format!("deployment/{}", cluster().release);
        let _ = tool("kubectl", &["-n", &cluster().namespace, "scale", &deployment, "--replicas=1"], "");
        let _ = tool("kubectl", &["delete", "sandboxclass", CLASS, "--ignore-not-found"], "");
        let off =
            "webhook.enabled=false,webhook.failurePolicy=Ignore,webhook.certificate.lifetimeSeconds=604800";
        if let Err(error) = upgrade(off) {
            // A panic while panicking would hide the first one.
            assert!(std::thread::panicking(), "the webhook stays on: {error}");
        }
    }
}

/// What `kubectl apply --dry-run=server` prints, to stdout and stderr, or why it fails.
fn dry_run(home: &str, manifest: &str) -> Result<String, String> {
    let done = tool("kubectl", &["apply", "--dry-run=server", "-n", home, "-f", "-"], manifest);
    let said = text(&done.stdout) + &text(&done.stderr);
    if done.status.success() { Ok(said) } else { Err(said) }
}

/// API servers hear of a new configuration when they hear of it: waits until one of them asks and is answered.
fn wait_until_refused(home: &str) -> String {
    let started = Instant::now();
    loop {
        let said = dry_run(home, &run_yaml("unseen", BAD, ""));
        match said {
            Err(said) if said.contains("the gate refuses spec.code") => return said,
            said => assert!(started.elapsed() < PATIENCE, "bad code is not refused: {said:?}"),
        }
        std::thread::sleep(Duration::from_millis(300));
    }
}

/// The bundle that API servers are told, in base64.
fn bundle() -> String {
    let path = "jsonpath={.webhooks[0].clientConfig.caBundle}";
    kubectl(&["get", "validatingwebhookconfiguration", &configuration(), "-o", path])
}

/// The certificates in a bundle.
fn authorities(bundle: &str) -> BTreeSet<String> {
    let bytes: ByteString = serde_json::from_value(bundle.into()).unwrap();
    text(&bytes.0)
        .split_inclusive("-----END CERTIFICATE-----")
        .map(|one| one.trim().to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

fn patch(operation: &str) {
    let name = configuration();
    kubectl(&[
        "patch",
        "validatingwebhookconfiguration",
        &name,
        "--type=json",
        "-p",
        &format!("[{operation}]"),
    ]);
}

/// Changes something of the stored run `bad` that nobody judges.
fn label(home: &str, value: &str) -> Result<String, String> {
    kubectl_with(&["-n", home, "label", "sr", "bad", "--overwrite", &format!("seen={value}")], "")
}

fn a_class_that_allows_scipy() {
    let path = "jsonpath={.spec}";
    let mut spec: serde_json::Value =
        serde_json::from_str(&kubectl(&["get", "sandboxclass", "default", "-o", path])).unwrap();
    spec["policy"] = serde_json::json!({"allowedImports": [{"module": "scipy.stats", "names": ["zscore"]}]});
    let class = serde_json::json!({"apiVersion": "stratbox.dev/v1alpha1", "kind": "SandboxClass",
        "metadata": {"name": CLASS}, "spec": spec});
    kubectl_with(&["apply", "-f", "-"], &class.to_string()).unwrap();
}

/// For as long as it takes to see two new certificates, with failurePolicy Fail: every review has its answer.
fn certificates_change_and_nobody_notices(home: &str) {
    let (started, good) = (Instant::now(), run_yaml("good", GOOD, ""));
    let (mut seen, mut reviews) = (vec![bundle()], 0);
    while seen.len() < 3 {
        dry_run(home, &good).unwrap_or_else(|error| panic!("review {reviews}: {error}"));
        reviews += 1;
        let now = bundle();
        if seen.last() != Some(&now) {
            seen.push(now);
        }
        assert!(started.elapsed() < PATIENCE, "the certificate is not replaced");
        std::thread::sleep(Duration::from_millis(200));
    }
    let [first, second, third] = [&seen[0], &seen[1], &seen[2]].map(|bundle| authorities(bundle));
    assert!(!first.is_disjoint(&second) && !second.is_disjoint(&third), "the one before is still trusted");
    assert!(first.is_disjoint(&third), "and none before that");
    // … and the certificate that the last one vouches for is served by now, or the one before, which is trusted too.
    for _ in 0..40 {
        dry_run(home, &good).unwrap_or_else(|error| panic!("after the change: {error}"));
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn code_is_judged_at_admission_and_nothing_depends_on_it() {
    let home = namespace("webhook");
    let name = home.name.as_str();
    // Stored while nobody asks; the controller says what is wrong.
    assert_eq!(reason(&home.finish("bad", BAD, "")), "CodeRejected");
    let webhook = Webhook::on(&format!("webhook.enabled=true,webhook.failurePolicy=Fail,{SHORT}"));
    a_class_that_allows_scipy();

    let refused = wait_until_refused(name);
    for part in ["strategyruns.stratbox.dev", "denied the request", "IMP001 at 1:8", "`os`", "delete it"] {
        assert!(refused.contains(part), "{part}: {refused}");
    }
    let good = dry_run(name, &run_yaml("good", GOOD, "")).unwrap();
    assert!(good.contains("(server dry run)") && !good.contains("Warning"), "{good}");
    // Without --dry-run it is the same, and nothing is stored.
    let error = support::apply(name, &run_yaml("worse", BAD, "")).unwrap_err();
    assert!(error.contains("the gate refuses spec.code"), "{error}");
    assert_eq!(home.kubectl(&["get", "sr", "-o", "name"]).lines().count(), 1);

    // The policy is the class's; without a class it is the built-in one, and the answer says so.
    let of =
        |class: &str, code: &str| dry_run(name, &run_yaml("other", code, &format!("  className: {class}\n")));
    assert!(of("default", SCIPY).is_err());
    of(CLASS, SCIPY).unwrap();
    let said = of("nobody", GOOD).unwrap();
    assert!(said.contains("there is no SandboxClass \"nobody\""), "{said}");

    // A change of something else is nobody's business; a change of the code is.
    label(name, "one").unwrap();
    let again = run_yaml("bad", &format!("{BAD}# again\n"), "");
    assert!(dry_run(name, &again).unwrap_err().contains("the gate refuses spec.code"));
    dry_run(name, &run_yaml("bad", GOOD, "")).unwrap();

    certificates_change_and_nobody_notices(name);

    // Who replaces the whole object takes the bundle away; it comes back.
    patch(r#"{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}"#);
    let started = Instant::now();
    while bundle().is_empty() {
        assert!(started.elapsed() < PATIENCE, "the bundle stays away");
        std::thread::sleep(Duration::from_millis(300));
    }
    wait_until_refused(name);

    // An upgrade of something else leaves the bundle alone.
    upgrade("webhook.failurePolicy=Ignore,webhook.timeoutSeconds=7").unwrap();
    assert!(!bundle().is_empty());
    wait_until_refused(name);
    let metrics = support::operator_metrics();
    assert!(metrics.contains(r#"stratbox_admission_reviews_total{verdict="Refused"}"#), "{metrics}");

    // While the operator is away, Ignore stores everything, and Fail what there is nothing to judge of.
    scale(0);
    let gone = "--for=delete";
    let selector = "app.kubernetes.io/component=operator";
    kubectl(&["-n", &cluster().namespace, "wait", "pod", "-l", selector, gone, "--timeout=60s"]);
    home.apply(&run_yaml("late", BAD, ""));
    patch(r#"{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Fail"}"#);
    let started = Instant::now();
    while dry_run(name, &run_yaml("good", GOOD, "")).is_ok() {
        assert!(started.elapsed() < PATIENCE, "failurePolicy Fail is not in force");
        std::thread::sleep(Duration::from_millis(300));
    }
    label(name, "two").unwrap();
    home.kubectl(&["delete", "sr", "bad", "--cascade=foreground", "--timeout=60s"]);
    patch(r#"{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}"#);
    scale(1);
    assert_eq!(reason(&home.wait_finished("late")), "CodeRejected", "the controller checks anyway");

    drop(webhook);
    let left = kubectl(&["get", "validatingwebhookconfiguration", &configuration(), "--ignore-not-found"]);
    assert_eq!(left, "", "off again");
    dry_run(name, &run_yaml("bad", BAD, "")).unwrap();
}
