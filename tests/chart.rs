//! The chart: what it renders, what it may, and that it says the same as the rest of the project.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

mod support;

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use stratbox::config::Config;
use stratbox::sandbox::{profile_hash, profile_label, profile_path};
use support::{helm, root, text};

const CHART: &str = "charts/stratbox";

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// All documents of a YAML stream.
fn documents(stream: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(stream).unwrap_or_else(|error| panic!("{error}\n{stream}"))
}

fn value(document: &str) -> Value {
    serde_saphyr::from_str(document).unwrap_or_else(|error| panic!("{error}\n{document}"))
}

/// What the chart renders with these further arguments.
fn rendered(arguments: &[&str]) -> Vec<Value> {
    let done = helm(&[&["template", "stratbox", CHART, "-n", "stratbox-system"], arguments].concat());
    assert!(done.status.success(), "{}", text(&done.stderr));
    documents(&text(&done.stdout)).into_iter().filter(|document| !document.is_null()).collect()
}

fn find<'a>(all: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found = all.iter().find(|one| one["kind"] == kind && one["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}"))
}

/// "group/resource verb" for each right of a role.
fn rights(role: &Value) -> BTreeSet<String> {
    let words = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().map(|word| word.as_str().unwrap().to_owned()).collect()
    };
    let mut all = BTreeSet::new();
    for rule in role["rules"].as_array().unwrap() {
        assert!(rule.get("nonResourceURLs").is_none(), "{rule}");
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                for verb in words(&rule["verbs"]) {
                    all.insert(format!("{group}/{resource} {verb}"));
                }
            }
        }
    }
    all
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// In every namespace that is watched.
const IN_NAMESPACES: &[&str] = &[
    "stratbox.dev/strategyruns delete",
    "stratbox.dev/strategyruns get",
    "stratbox.dev/strategyruns list",
    "stratbox.dev/strategyruns watch",
    "stratbox.dev/strategyruns/status patch",
    "stratbox.dev/sandboxpools get",
    "stratbox.dev/sandboxpools list",
    "stratbox.dev/sandboxpools watch",
    "stratbox.dev/sandboxpools/status patch",
    "/pods get",
    "/pods list",
    "/pods watch",
    "/pods create",
    "/pods patch",
    "/pods delete",
    "/pods/attach get",
    "/pods/attach create",
    "/configmaps get",
    "/configmaps create",
    "/configmaps patch",
    "/events list",
    "networking.k8s.io/networkpolicies get",
    "networking.k8s.io/networkpolicies create",
    "events.k8s.io/events create",
    "events.k8s.io/events patch",
];

/// In the whole cluster, whatever is watched.
const IN_CLUSTER: &[&str] = &[
    "stratbox.dev/sandboxclasses get",
    "stratbox.dev/sandboxclasses list",
    "stratbox.dev/sandboxclasses watch",
    "/nodes get",
    "/nodes list",
    "/nodes watch",
    "/nodes patch",
];

#[test]
fn lint_has_nothing_to_say() {
    let done = helm(&["lint", "--strict", CHART]);
    assert!(done.status.success(), "{}{}", text(&done.stdout), text(&done.stderr));
}

#[test]
fn versions_are_the_packages() {
    let chart = value(&read("charts/stratbox/Chart.yaml"));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
    for sample in samples() {
        for line in sample.1.lines().filter(|line| line.contains("localhost/stratbox/")) {
            assert!(line.contains(concat!(":", env!("CARGO_PKG_VERSION"))), "{}: {line}", sample.0);
        }
    }
}

#[test]
fn configuration_is_the_shipped_one() {
    let values = value(&read("charts/stratbox/values.yaml"));
    assert_eq!(values["config"], value(&read("config/operator.yaml")));
    let all = rendered(&[]);
    let map = find(&all, "ConfigMap", "stratbox");
    let config = Config::from_yaml(map["data"]["operator.yaml"].as_str().unwrap(), None).unwrap();
    assert_eq!(config, Config::from_yaml("", None).unwrap());
}

#[test]
fn another_configuration_starts_another_operator() {
    let checksum = |arguments: &[&str]| {
        let all = rendered(arguments);
        find(&all, "Deployment", "stratbox")["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
            .clone()
    };
    assert_ne!(checksum(&[]), checksum(&["--set", "config.sandbox.enabled=false"]));
    assert_eq!(checksum(&[]), checksum(&["--set", "podLabels.a=b"]));
}

#[test]
fn generated_profile_hash_is_the_operators() {
    let path = root().join("charts/stratbox/templates/_profile.tpl");
    let there = std::fs::read_to_string(&path).unwrap();
    let wanted: String = there
        .lines()
        .map(|line| {
            let is_hash = line.len() == 64 && line.chars().all(|c| c.is_ascii_hexdigit());
            (if is_hash { profile_hash() } else { line }).to_owned() + "\n"
        })
        .collect();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    assert!(
        there == wanted && there.contains(profile_hash()),
        "{} has another hash: run `make crds`",
        path.display()
    );
}

#[test]
fn node_agent_proves_the_profile_that_sandboxes_have() {
    let all = rendered(&[]);
    let agent = &find(&all, "DaemonSet", "stratbox-node-agent")["spec"]["template"];
    let labels = &agent["metadata"]["labels"];
    assert_eq!(labels["app.kubernetes.io/component"], "node-agent");
    assert_eq!(
        format!("seccomp.stratbox.dev/{}", labels["stratbox.dev/profile"].as_str().unwrap()),
        profile_label()
    );
    assert_eq!(agent["spec"]["automountServiceAccountToken"], false);
    let hold = &agent["spec"]["containers"][0];
    let profile = &hold["securityContext"]["seccompProfile"];
    assert_eq!(profile["type"], "Localhost");
    assert_eq!(profile["localhostProfile"], profile_path());
    assert_eq!(
        hold["readinessProbe"]["exec"]["command"],
        serde_json::json!(["/usr/local/bin/stratbox", "node", "check"])
    );
    assert!(hold.get("volumeMounts").is_none(), "what runs on for ever has nothing of the node");
    assert_eq!(agent["spec"]["volumes"].as_array().unwrap().len(), 1);
}

#[test]
fn rights_are_exactly_those_that_the_code_uses() {
    let all = rendered(&[]);
    let role = find(&all, "ClusterRole", "stratbox");
    assert_eq!(rights(role), set(&[IN_NAMESPACES, IN_CLUSTER].concat()));
    assert!(!all.iter().any(|one| one["kind"] == "Role"));

    let some = rendered(&["--set-json", r#"config.watchNamespaces=["a","b"]"#]);
    assert_eq!(rights(find(&some, "ClusterRole", "stratbox")), set(IN_CLUSTER));
    let roles: BTreeMap<String, BTreeSet<String>> = some
        .iter()
        .filter(|one| one["kind"] == "Role" && one["metadata"]["annotations"]["helm.sh/hook"].is_null())
        .map(|one| (one["metadata"]["namespace"].as_str().unwrap().to_owned(), rights(one)))
        .collect();
    let agents = set(&["/pods get", "/pods list", "/pods watch"]);
    let expected = [("a", set(IN_NAMESPACES)), ("b", set(IN_NAMESPACES)), ("stratbox-system", agents)]
        .map(|(name, rights)| (name.to_owned(), rights));
    assert_eq!(roles, BTreeMap::from(expected));
}

/// What the webhook adds: kinds and names, by what is rendered without it.
fn added(arguments: &[&str]) -> BTreeSet<String> {
    let names = |all: &[Value]| -> BTreeSet<String> {
        all.iter()
            .map(|one| {
                format!("{} {}", one["kind"].as_str().unwrap(), one["metadata"]["name"].as_str().unwrap())
            })
            .collect()
    };
    let without = names(&rendered(&[]));
    &names(&rendered(&[&["--set", "webhook.enabled=true"], arguments].concat())) - &without
}

fn operator_pod(all: &[Value]) -> &Value {
    &find(all, "Deployment", "stratbox")["spec"]["template"]["spec"]
}

#[test]
fn without_the_webhook_nothing_of_it_is_rendered() {
    let all = rendered(&["--set", "webhook.failurePolicy=Fail,webhook.certificate.source=cert-manager"]);
    assert!(!serde_json::to_string(&all).unwrap().contains("webhook"));
}

#[test]
fn the_webhook_asks_only_about_code_and_leaves_the_bundle_to_the_operator() {
    let on = ["--set", "webhook.enabled=true"];
    let expected = ["Service stratbox-webhook", "ValidatingWebhookConfiguration stratbox-webhook"];
    assert_eq!(added(&[]), set(&expected));
    let all = rendered(&on);
    let configuration = find(&all, "ValidatingWebhookConfiguration", "stratbox-webhook");
    assert!(configuration["metadata"].get("annotations").is_none());
    let webhook = &configuration["webhooks"][0];
    assert_eq!(webhook["failurePolicy"], "Ignore", "the controller checks anyway");
    assert_eq!(webhook["sideEffects"], "None");
    assert!(webhook["clientConfig"].get("caBundle").is_none(), "it would be fought over");
    assert!(webhook.get("namespaceSelector").is_none());
    let asked = serde_json::json!([{"apiGroups": ["stratbox.dev"], "apiVersions": ["v1alpha1"],
        "resources": ["strategyruns"], "operations": ["CREATE", "UPDATE"], "scope": "Namespaced"}]);
    assert_eq!(webhook["rules"], asked, "no status, no deletion");
    let service = &webhook["clientConfig"]["service"];
    assert_eq!(service["name"], "stratbox-webhook");
    assert_eq!(service["namespace"], "stratbox-system");
    let port = &find(&all, "Service", "stratbox-webhook")["spec"]["ports"][0];
    assert_eq!((&port["port"], &port["targetPort"]), (&service["port"], &"webhook".into()));

    let pod = operator_pod(&all);
    let ports = &pod["containers"][0]["ports"];
    assert_eq!(ports[1], serde_json::json!({"name": "webhook", "containerPort": 9443}));
    assert_eq!(pod["volumes"].as_array().unwrap().len(), 1, "no secret");
    let arguments: Vec<&str> =
        pod["containers"][0]["args"].as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect();
    assert_eq!(
        arguments[2..],
        [
            "--webhook-listen=0.0.0.0:9443",
            "--webhook-name=stratbox-webhook.stratbox-system.svc",
            "--webhook-configuration=stratbox-webhook",
            "--webhook-certificate-seconds=604800"
        ]
    );

    let role = find(&all, "ClusterRole", "stratbox");
    let more = [
        "admissionregistration.k8s.io/validatingwebhookconfigurations get",
        "admissionregistration.k8s.io/validatingwebhookconfigurations patch",
    ];
    assert_eq!(rights(role), set(&[IN_NAMESPACES, IN_CLUSTER, &more].concat()));
    let named = |rule: &&Value| rule["apiGroups"][0] == "admissionregistration.k8s.io";
    let ours = role["rules"].as_array().unwrap().iter().find(named).unwrap();
    assert_eq!(ours["resourceNames"], serde_json::json!(["stratbox-webhook"]), "this one object");

    let some = rendered(&[&on[..], &["--set-json", r#"config.watchNamespaces=["a","b"]"#]].concat());
    let selector = &find(&some, "ValidatingWebhookConfiguration", "stratbox-webhook")["webhooks"][0]["namespaceSelector"];
    assert_eq!(
        selector["matchExpressions"][0],
        serde_json::json!({"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a", "b"]})
    );
}

#[test]
fn with_cert_manager_the_operator_needs_no_right_for_its_certificate() {
    let by = ["--set", "webhook.certificate.source=cert-manager"];
    let common = [
        "Service stratbox-webhook",
        "ValidatingWebhookConfiguration stratbox-webhook",
        "Certificate stratbox-webhook",
    ];
    assert_eq!(added(&by), set(&[&common[..], &["Issuer stratbox-webhook"]].concat()));
    let issued =
        ["--set", "webhook.certificate.issuerRef.name=ca,webhook.certificate.issuerRef.kind=ClusterIssuer"];
    assert_eq!(added(&[by, issued].concat()), set(&common));

    let all = rendered(&[&["--set", "webhook.enabled=true"], &by[..], &issued[..]].concat());
    let configuration = find(&all, "ValidatingWebhookConfiguration", "stratbox-webhook");
    let from = &configuration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"];
    assert_eq!(from, "stratbox-system/stratbox-webhook");
    let certificate = &find(&all, "Certificate", "stratbox-webhook")["spec"];
    assert_eq!(certificate["dnsNames"], serde_json::json!(["stratbox-webhook.stratbox-system.svc"]));
    assert_eq!(certificate["issuerRef"], serde_json::json!({"name": "ca", "kind": "ClusterIssuer"}));
    let pod = operator_pod(&all);
    let secret = serde_json::json!({"secretName": certificate["secretName"], "optional": true});
    assert_eq!(pod["volumes"][1]["secret"], secret);
    let folder = &pod["containers"][0]["volumeMounts"][1]["mountPath"];
    let arguments = pod["containers"][0]["args"].as_array().unwrap();
    assert_eq!(arguments[3], format!("--webhook-certificates={}", folder.as_str().unwrap()));
    assert_eq!(arguments.len(), 4);
    assert_eq!(rights(find(&all, "ClusterRole", "stratbox")), set(&[IN_NAMESPACES, IN_CLUSTER].concat()));
}

#[test]
fn the_uninstall_hook_has_its_rights_only_as_a_hook() {
    let all = rendered(&[]);
    let hooks: Vec<_> = all.iter().filter(|one| one["metadata"]["name"] == "stratbox-uninstall").collect();
    assert_eq!(hooks.len(), 4, "account, role, binding, job");
    for hook in &hooks {
        assert_eq!(hook["metadata"]["annotations"]["helm.sh/hook"], "post-delete", "{}", hook["kind"]);
    }
    let role = find(&all, "ClusterRole", "stratbox-uninstall");
    assert_eq!(
        rights(role),
        set(&[
            "networking.k8s.io/networkpolicies list",
            "networking.k8s.io/networkpolicies delete",
            "/nodes list",
            "/nodes patch"
        ])
    );
    assert!(
        !rendered(&["--set", "uninstall.cleanup=false"])
            .iter()
            .any(|one| one["metadata"]["name"] == "stratbox-uninstall")
    );
}

#[test]
fn users_rights_are_aggregated_and_never_reach_status_or_classes() {
    let all = rendered(&[]);
    let edit = find(&all, "ClusterRole", "stratbox-edit");
    let theirs =
        ["strategyruns ", "sandboxpools ", "sandboxpools/scale "].map(|what| format!("stratbox.dev/{what}"));
    assert!(
        rights(edit).iter().all(|right| theirs.iter().any(|what| right.starts_with(what))),
        "{:?}",
        rights(edit)
    );
    let view = find(&all, "ClusterRole", "stratbox-view");
    assert!(
        rights(view)
            .iter()
            .all(|right| { [" get", " list", " watch"].iter().any(|verb| right.ends_with(verb)) })
    );
    assert_eq!(view["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-view"], "true");
}

#[test]
fn every_container_of_ours_is_locked_down() {
    for one in rendered(&[]) {
        let pod = &one["spec"]["template"]["spec"];
        let lists = [&pod["initContainers"], &pod["containers"]];
        for container in lists.into_iter().filter_map(Value::as_array).flatten() {
            let what = format!("{} {}", one["kind"], container["name"]);
            let security = &container["securityContext"];
            assert_eq!(security["readOnlyRootFilesystem"], true, "{what}");
            assert_eq!(security["allowPrivilegeEscalation"], false, "{what}");
            assert_eq!(security["capabilities"], serde_json::json!({"drop": ["ALL"]}), "{what}");
            assert!(!container["resources"]["limits"]["memory"].is_null(), "{what}");
            let non_root = security["runAsNonRoot"] == true || pod["securityContext"]["runAsNonRoot"] == true;
            assert_eq!(non_root, container["name"] != "install", "{what}");
        }
    }
}

#[test]
fn images_are_by_digest_where_one_is_given() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let all = rendered(&[
        "--set-string",
        &format!(
            "image.repository=r/o,image.digest={digest},sandbox.image.repository=r/s,sandbox.image.tag=9"
        ),
    ]);
    let operator = &find(&all, "Deployment", "stratbox")["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(operator["image"], format!("r/o@{digest}"));
    let class = find(&all, "SandboxClass", "default");
    assert_eq!(class["spec"]["image"], "r/s:9");
    assert_eq!(class["spec"]["datasets"], serde_json::json!([{"name": "us-stocks", "format": "csv"}]));
    let own = ["--set", "datasets[0].name=a,datasets[0].image.repository=r/a", "--set", "datasets[0].path=b"];
    let class = find(&rendered(&own), "SandboxClass", "default").clone();
    let reference = format!("r/a:{}", env!("CARGO_PKG_VERSION"));
    let dataset =
        serde_json::json!({"name": "a", "image": {"reference": reference}, "path": "b", "format": "csv"});
    assert_eq!(class["spec"]["datasets"], serde_json::json!([dataset]));
}

#[test]
fn classes_are_a_hook_only_where_their_kind_is_new() {
    let extra = ["--set", "extraClasses.other.nodeSelector.a=b"];
    let first = rendered(&extra);
    let later = rendered(&[&extra[..], &["--api-versions", "stratbox.dev/v1alpha1/SandboxClass"]].concat());
    for name in ["default", "other"] {
        let marks = &find(&first, "SandboxClass", name)["metadata"]["annotations"];
        assert_eq!(marks["helm.sh/hook"], "post-install,post-upgrade");
        assert_eq!(marks["meta.helm.sh/release-name"], "stratbox", "so that the next upgrade takes it over");
        assert!(find(&later, "SandboxClass", name)["metadata"].get("annotations").is_none());
    }
    assert_eq!(find(&first, "SandboxClass", "other")["spec"]["nodeSelector"]["a"], "b");
    // What the chart makes is what the operator reads.
    let class: stratbox::crd::SandboxClass =
        serde_json::from_value(find(&later, "SandboxClass", "default").clone()).unwrap();
    assert_eq!(class.spec.datasets[0].name, "us-stocks");
}

#[test]
fn crds_come_and_stay_as_the_values_say() {
    let crds = |arguments: &[&str]| -> Vec<Value> {
        rendered(arguments).into_iter().filter(|one| one["kind"] == "CustomResourceDefinition").collect()
    };
    assert_eq!(crds(&[]).len(), 3);
    assert!(crds(&[]).iter().all(|crd| crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"));
    assert!(
        crds(&["--set", "crds.keep=false"]).iter().all(|crd| crd["metadata"].get("annotations").is_none())
    );
    assert!(crds(&["--set", "crds.enabled=false"]).is_empty());
    // Rendered, they are those of the types, whatever had to be escaped on the way.
    let typed: Vec<Value> =
        stratbox::crd::all().iter().map(|crd| serde_json::to_value(crd).unwrap()).collect();
    let ours = crds(&["--set", "crds.keep=false"]);
    for crd in &typed {
        let name = crd["metadata"]["name"].as_str().unwrap();
        let same = find(&ours, "CustomResourceDefinition", name)["spec"] == crd["spec"];
        assert!(same, "{name} in the chart is not what the types say: run `make crds`");
    }
}

#[test]
fn unknown_and_impossible_values_are_refused() {
    for (arguments, word) in [
        ("imgae.tag=1", "imgae"),
        ("config.sandbox.enabeld=false", "enabeld"),
        ("config.fallback.policy=Host", "policy"),
        ("config.sandbox.runAsUser=0", "runAsUser"),
        ("image.digest=latest", "digest"),
        ("nodeAgent.seccompFolder=relative", "seccompFolder"),
        ("webhook.failurePolicy=ignore", "failurePolicy"),
        ("webhook.port=8080", "port"),
        ("webhook.certificate.source=vault", "source"),
        ("webhook.certificate.lifetimeSeconds=1", "lifetimeSeconds"),
        ("webhook.certificate.issuerRef.kind=Issuer", "issuerRef"),
    ] {
        let done = helm(&["template", "stratbox", CHART, "--set", arguments]);
        assert!(!done.status.success(), "{arguments} is accepted");
        assert!(text(&done.stderr).contains(word), "{arguments}: {}", text(&done.stderr));
    }
}

/// Dotted paths of a map's leaves; a list, an empty map and what is below `config`, one path.
fn leaves(value: &Value, path: &str, into: &mut Vec<String>) {
    match value.as_object() {
        Some(map) if !map.is_empty() && path != "config" => {
            for (key, below) in map {
                leaves(below, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, into);
            }
        }
        _ => into.push(path.to_owned()),
    }
}

#[test]
fn every_value_has_its_line_in_the_readme() {
    let readme = read("charts/stratbox/README.md");
    let mut paths = Vec::new();
    leaves(&value(&read("charts/stratbox/values.yaml")), "", &mut paths);
    let covered = |path: &str| {
        readme.lines().filter(|line| line.starts_with("| `")).any(|line| {
            line.split('`')
                .skip(1)
                .step_by(2)
                .any(|named| path == named || path.starts_with(&format!("{named}.")))
        })
    };
    let missing: Vec<_> = paths.iter().filter(|path| !covered(path)).collect();
    assert!(missing.is_empty(), "no line for {missing:?}");
}

/// Name and text of each sample.
fn samples() -> Vec<(String, String)> {
    let mut files: Vec<_> = std::fs::read_dir(root().join("config/samples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(files.len() >= 7);
    files
        .iter()
        .map(|file| {
            (file.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read_to_string(file).unwrap())
        })
        .collect()
}

#[test]
fn samples_are_what_they_say() {
    let class: stratbox::crd::SandboxClass =
        serde_json::from_value(find(&rendered(&[]), "SandboxClass", "default").clone()).unwrap();
    let config = Config::from_yaml("", None).unwrap();
    let mut seen = 0;
    for (file, content) in samples() {
        for document in documents(&content).into_iter().filter(|document| document["kind"] == "StrategyRun") {
            seen += 1;
            let run: stratbox::crd::StrategyRun =
                serde_json::from_value(document).unwrap_or_else(|error| panic!("{file}: {error}"));
            stratbox::run::resolve(&run.spec, &class.spec, &config)
                .unwrap_or_else(|problem| panic!("{file}: {problem:?}"));
            let code = run.spec.code.unwrap_or_default();
            let verdict =
                stratbox::strategy::check(code.as_bytes(), &stratbox::run::gate_policy(&class.spec));
            assert_eq!(verdict.is_err(), file.starts_with("60-"), "{file}: {verdict:?}");
        }
    }
    assert_eq!(seen, 7);
}

/// A second release beside the one of all tests, which looks at one namespace only and has rights only there; then its
/// removal.
#[test]
fn a_release_for_one_namespace_works_with_roles_alone_and_cleans_up() {
    let cluster = support::cluster();
    let (home, watched) = (support::namespace("chart-home"), support::namespace("chart-watched"));
    let other = support::namespace("chart-other");
    let release = home.name.as_str();
    let (repository, digest) =
        cluster.operator_image.split_once('@').unwrap_or((&cluster.operator_image, ""));
    let (repository, tag) =
        repository.rsplit_once(':').filter(|_| digest.is_empty()).unwrap_or((repository, ""));
    let helm = |arguments: &[&str]| {
        let done = support::tool("helm", arguments, "");
        assert!(done.status.success(), "helm {arguments:?}: {}", text(&done.stderr));
    };
    helm(&[
        "install",
        release,
        CHART,
        "-n",
        &home.name,
        "--wait",
        "--timeout",
        "90s",
        "--set",
        "crds.enabled=false,defaultClass.create=false,nodeAgent.enabled=false",
        "--set",
        &format!("image.repository={repository},image.tag={tag},image.digest={digest}"),
        "--set",
        &format!("config.watchNamespaces={{{}}}", watched.name),
    ]);
    // What the operator makes before a namespace's first pod; here by hand, as two operators watch this namespace now.
    let policy = |namespace: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: stratbox-deny-all\n  namespace: {namespace}\n  labels: {{app.kubernetes.io/managed-by: stratbox}}\nspec: {{podSelector: {{}}}}\n"
        )
    };
    watched.apply(&policy(&watched.name));
    other.apply(&policy(&other.name));

    helm(&["uninstall", release, "-n", &home.name, "--wait", "--timeout", "90s"]);
    let left = |namespace: &support::Namespace| namespace.kubectl(&["get", "networkpolicies", "-o", "name"]);
    assert_eq!(left(&watched), "", "the hook has removed it");
    assert_ne!(left(&other), "", "and nothing where it was not asked to");
    let named = |kind: &str| {
        support::kubectl(&[
            "get",
            kind,
            "-A",
            "-l",
            &format!("app.kubernetes.io/instance={release}"),
            "-o",
            "name",
        ])
    };
    for kind in ["clusterroles", "clusterrolebindings", "roles", "rolebindings", "serviceaccounts", "jobs"] {
        assert_eq!(named(kind), "", "{kind} are left");
    }
}

/// On a cluster that has never seen our kinds; to have one, the chart's copy calls them by another group.
#[test]
fn a_first_installation_brings_kind_and_class_and_the_upgrade_takes_the_class_over() {
    let home = support::namespace("chart-first");
    let release = home.name.as_str();
    let group = format!("{release}.stratbox.dev");
    let copy = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(release);
    std::fs::create_dir_all(copy.join("templates")).unwrap();
    for file in [
        "Chart.yaml",
        "values.yaml",
        "templates/_helpers.tpl",
        "templates/crds.yaml",
        "templates/classes.yaml",
    ] {
        let text = read(&format!("{CHART}/{file}"));
        std::fs::write(copy.join(file), text.replace("stratbox.dev", &group)).unwrap();
    }
    let helm = |verb: &[&str]| {
        let run =
            || support::tool("helm", &[verb, &["-n", release, "--wait", "--timeout", "60s"]].concat(), "");
        let mut done = run();
        // A busy API server may list a new kind a moment after it has established it: the same command again does it.
        if text(&done.stderr).contains("resource mapping not found") {
            std::thread::sleep(std::time::Duration::from_secs(5));
            done = run();
        }
        assert!(done.status.success(), "helm {verb:?}: {}", text(&done.stderr));
    };
    let copy_path = copy.to_string_lossy();
    let plural = format!("sandboxclasses.{group}");
    let uid = || support::kubectl(&["get", &plural, "default", "-o", "jsonpath={.metadata.uid}"]);

    helm(&["upgrade", "--install", release, &copy_path]);
    let first = uid();
    helm(&["upgrade", release, &copy_path]);
    assert_eq!(uid(), first, "taken over, not made again");
    helm(&["uninstall", release]);
    let left = support::kubectl(&["get", &plural, "-o", "name"]);
    let crds = ["sandboxclasses", "strategyruns", "sandboxpools"].map(|kind| format!("crd/{kind}.{group}"));
    support::kubectl(&["delete", &crds[0], &crds[1], &crds[2]]);
    assert_eq!(left, "", "a member of the release goes with it; its kind stayed until here");
    std::fs::remove_dir_all(&copy).unwrap();
}
