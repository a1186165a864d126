//! The CRDs: the generated files are those of the types, and a real API server refuses what the schema can refuse.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]
#![allow(clippy::too_many_lines, clippy::type_complexity, reason = "tables are long")]

mod support;

use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use support::{kubectl_with, namespace, root};

/// Compares a generated file with what the types say; with UPDATE=1 in the environment it writes the file instead.
fn generated(path: &Path, wanted: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, wanted).unwrap();
        return;
    }
    let there = std::fs::read_to_string(path).unwrap_or_default();
    assert!(there == wanted, "{} is not what the types say: run `make crds`", path.display());
}

/// File name and text of each CRD.
fn texts() -> Vec<(PathBuf, String)> {
    stratbox::crd::all()
        .iter()
        .map(|crd| {
            let file = root().join("crds").join(format!("{}.yaml", crd.spec.names.plural));
            (file, serde_saphyr::to_string(crd).unwrap())
        })
        .collect()
}

#[test]
fn generated_crds_are_those_of_the_types() {
    for (file, text) in texts() {
        generated(&file, &text);
    }
}

#[test]
fn generated_chart_brings_the_same_crds() {
    let keep = "metadata:\n  {{- if .Values.crds.keep }}\n  annotations:\n    helm.sh/resource-policy: keep\n  {{- end }}\n";
    let documents: Vec<String> = texts()
        .iter()
        .map(|(_, text)| text.replace("{{", r#"{{ "{{" }}"#).replacen("metadata:\n", keep, 1))
        .collect();
    let template =
        format!("{{{{- if .Values.crds.enabled }}}}\n---\n{}{{{{- end }}}}\n", documents.join("---\n"));
    generated(&root().join("charts/stratbox/templates/crds.yaml"), &template);
}

#[test]
fn all_of_them_are_what_the_command_prints() {
    let printed = stratbox::crd::to_yaml().unwrap();
    let documents: Vec<String> = texts().into_iter().map(|(_, text)| text).collect();
    assert_eq!(printed, format!("---\n{}", documents.join("---\n")));
}

/// A run that is accepted.
fn good() -> Value {
    json!({
        "apiVersion": "stratbox.dev/v1alpha1",
        "kind": "StrategyRun",
        "metadata": {"name": "schema-test"},
        "spec": {"dataset": {"name": "us-stocks"}, "code": "def strategy(data):\n    return data['close'] > 0\n"},
    })
}

/// The same with changes: JSON pointer and value; null removes.
fn changed(changes: &[(&str, Value)]) -> Value {
    let mut run = good();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut target = &mut run;
        for step in parent.split('/').filter(|step| !step.is_empty()) {
            target = target.as_object_mut().unwrap().entry(step).or_insert_with(|| json!({}));
        }
        let target = target.as_object_mut().unwrap();
        if value.is_null() {
            target.remove(key);
        } else {
            target.insert(key.to_owned(), value.clone());
        }
    }
    run
}

/// Asks the API server, as `kubectl apply` does (strict), without leaving anything.
fn ask(namespace: &str, run: &Value) -> Result<Value, String> {
    let arguments = ["create", "-n", namespace, "--dry-run=server", "-o", "json", "-f", "-"];
    kubectl_with(&arguments, &run.to_string()).map(|said| serde_json::from_str(&said).unwrap())
}

/// What is wrong, how it is written, and words that the refusal must have.
fn refused() -> Vec<(&'static str, Vec<(&'static str, Value)>, Vec<&'static str>)> {
    let long_list: Vec<String> = (0..2001).map(|n| format!("S{n}")).collect();
    let many: serde_json::Map<String, Value> = (0..65).map(|n| (format!("p{n}"), json!("1"))).collect();
    vec![
        ("wrong field", vec![("/spec/cod", json!("x"))], vec!["unknown field", "spec.cod"]),
        (
            "wrong field below",
            vec![("/spec/execution/lagg", json!(2))],
            vec!["unknown field", "spec.execution.lagg"],
        ),
        ("empty code", vec![("/spec/code", json!(""))], vec!["spec.code", "at least 1 chars"]),
        (
            "code and codeFrom",
            vec![("/spec/codeFrom", json!({"configMapKeyRef": {"name": "a", "key": "b"}}))],
            vec!["spec", "set exactly one of code and codeFrom"],
        ),
        ("neither", vec![("/spec/code", Value::Null)], vec!["spec", "set exactly one of code and codeFrom"]),
        (
            "code over the limit",
            vec![("/spec/code", json!("x".repeat(131_073)))],
            vec!["spec.code", "131072"],
        ),
        (
            "params that are numbers",
            vec![("/spec/params/window", json!(50))],
            vec!["spec.params.window", "string"],
        ),
        ("params that are true", vec![("/spec/params/on", json!(true))], vec!["spec.params.on", "string"]),
        ("params that are a list", vec![("/spec/params", json!(["50"]))], vec!["spec.params"]),
        ("too many params", vec![("/spec/params", Value::Object(many))], vec!["spec.params", "64"]),
        (
            "a param too long",
            vec![("/spec/params/text", json!("x".repeat(257)))],
            vec!["spec.params.text", "256"],
        ),
        ("no dataset", vec![("/spec/dataset", Value::Null)], vec!["spec.dataset", "Required"]),
        ("no name of a dataset", vec![("/spec/dataset/name", json!(""))], vec!["spec.dataset.name"]),
        (
            "too many symbols",
            vec![("/spec/dataset/symbols", json!(long_list))],
            vec!["spec.dataset.symbols", "2000"],
        ),
        (
            "a symbol twice",
            vec![("/spec/dataset/symbols", json!(["A", "A"]))],
            vec!["spec.dataset.symbols[1]", "Duplicate"],
        ),
        ("an empty symbol", vec![("/spec/dataset/symbols", json!([""]))], vec!["spec.dataset.symbols[0]"]),
        (
            "a date of another kind",
            vec![("/spec/dataset/start", json!("01.02.2005"))],
            vec!["spec.dataset.start"],
        ),
        (
            "start after end",
            vec![("/spec/dataset/start", json!("2012-01-02")), ("/spec/dataset/end", json!("2012-01-01"))],
            vec!["spec.dataset", "start must not be after end"],
        ),
        (
            "lag 0",
            vec![("/spec/execution/lag", json!(0))],
            vec!["spec.execution.lag", "greater than or equal to 1"],
        ),
        (
            "a lag that is text",
            vec![("/spec/execution/lag", json!("1"))],
            vec!["spec.execution.lag", "integer"],
        ),
        (
            "another rebalance",
            vec![("/spec/execution/rebalance", json!("Y"))],
            vec!["spec.execution.rebalance", "\"D\""],
        ),
        (
            "a decimal with a comma",
            vec![("/spec/execution/feeRatio", json!("0,001"))],
            vec!["spec.execution.feeRatio"],
        ),
        (
            "a decimal that is a number",
            vec![("/spec/execution/feeRatio", json!(0.001))],
            vec!["spec.execution.feeRatio", "string"],
        ),
        ("a fee above 1", vec![("/spec/execution/feeRatio", json!("1.5"))], vec!["spec.execution.feeRatio"]),
        ("no cash", vec![("/spec/execution/initialCash", json!("0"))], vec!["spec.execution.initialCash"]),
        (
            "no leverage",
            vec![("/spec/execution/maxLeverage", json!("0.0"))],
            vec!["spec.execution.maxLeverage"],
        ),
        (
            "memory of another kind",
            vec![("/spec/resources/limits/memory", json!("2GB"))],
            vec!["spec.resources.limits.memory"],
        ),
        (
            "an unknown resource",
            vec![("/spec/resources/limits/gpu", json!("1"))],
            vec!["unknown field", "spec.resources.limits.gpu"],
        ),
        ("no time", vec![("/spec/activeDeadlineSeconds", json!(0))], vec!["spec.activeDeadlineSeconds"]),
        (
            "more than a day",
            vec![("/spec/activeDeadlineSeconds", json!(86_401))],
            vec!["spec.activeDeadlineSeconds", "86400"],
        ),
        (
            "another policy",
            vec![("/spec/fallback/policy", json!("Host"))],
            vec!["spec.fallback.policy", "AstOnly"],
        ),
        (
            "a check of another mode",
            vec![("/spec/checks/lookahead", json!("On"))],
            vec!["spec.checks.lookahead", "Enforce"],
        ),
        (
            "no cut",
            vec![("/spec/checks/cuts", json!(0))],
            vec!["spec.checks.cuts", "greater than or equal to 1"],
        ),
        ("too many cuts", vec![("/spec/checks/cuts", json!(17))], vec!["spec.checks.cuts", "16"]),
        (
            "no time for checks",
            vec![("/spec/checks/deadlineSeconds", json!(0))],
            vec!["spec.checks.deadlineSeconds"],
        ),
        (
            "an unknown check",
            vec![("/spec/checks/luck", json!("Warn"))],
            vec!["unknown field", "spec.checks.luck"],
        ),
        (
            "acceptance of nothing",
            vec![("/spec/acceptance/expressions", json!([]))],
            vec!["spec.acceptance.expressions", "at least 1"],
        ),
        (
            "too many expressions",
            vec![("/spec/acceptance/expressions", json!(vec!["true"; 17]))],
            vec!["spec.acceptance.expressions", "16"],
        ),
        (
            "an expression too long",
            vec![("/spec/acceptance/expressions", json!(["x".repeat(513)]))],
            vec!["spec.acceptance.expressions[0]", "512"],
        ),
        (
            "another answer to a rejection",
            vec![("/spec/acceptance", json!({"expressions": ["true"], "onReject": "Delete"}))],
            vec!["spec.acceptance.onReject", "Report"],
        ),
        (
            "an unknown artifact",
            vec![("/spec/artifacts", json!(["Positions"]))],
            vec!["spec.artifacts[0]", "EquityCurve"],
        ),
        (
            "an artifact twice",
            vec![("/spec/artifacts", json!(["Trades", "Trades"]))],
            vec!["spec.artifacts[1]", "Duplicate"],
        ),
        (
            "another cache policy",
            vec![("/spec/cachePolicy", json!("Always"))],
            vec!["spec.cachePolicy", "IfSameInputs"],
        ),
        ("too many attempts", vec![("/spec/backoffLimit", json!(11))], vec!["spec.backoffLimit", "10"]),
        ("no trial", vec![("/spec/trials/count", json!(0))], vec!["spec.trials.count"]),
        (
            "a hash of another length",
            vec![
                ("/spec/code", Value::Null),
                ("/spec/codeFrom", json!({"configMapKeyRef": {"name": "a", "key": "b"}, "sha256": "abc"})),
            ],
            vec!["spec.codeFrom.sha256"],
        ),
        (
            "a key without a name",
            vec![("/spec/code", Value::Null), ("/spec/codeFrom", json!({"configMapKeyRef": {"name": "a"}}))],
            vec!["spec.codeFrom.configMapKeyRef.key", "Required"],
        ),
        (
            "a name of 64 characters",
            vec![("/metadata/name", json!("n".repeat(64)))],
            vec!["metadata.name", "at most 63 characters"],
        ),
    ]
}

#[test]
fn the_api_server_refuses_what_cannot_be_and_names_the_field() {
    let namespace = namespace("crd-refused");
    let mut wrong = Vec::new();
    for (what, changes, words) in refused() {
        match ask(&namespace.name, &changed(&changes)) {
            Ok(_) => wrong.push(format!("{what}: accepted")),
            Err(said) => {
                wrong.extend(
                    words
                        .iter()
                        .filter(|word| !said.contains(*word))
                        .map(|word| format!("{what}: no {word:?} in: {said}")),
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_api_server_accepts_the_limits_themselves() {
    let namespace = namespace("crd-accepted");
    let symbols: Vec<String> = (0..2000).map(|n| format!("S{n}")).collect();
    let params: serde_json::Map<String, Value> =
        (0..64).map(|n| (format!("p{n}"), json!("x".repeat(256)))).collect();
    for (what, changes) in [
        ("as it is", vec![]),
        ("code of the greatest length", vec![("/spec/code", json!("#".repeat(131_072)))]),
        ("code of other characters", vec![("/spec/code", json!("# 價格\nposition = 1\n"))]),
        (
            "code elsewhere",
            vec![
                ("/spec/code", Value::Null),
                (
                    "/spec/codeFrom",
                    json!({"configMapKeyRef": {"name": "a", "key": "b.py"}, "sha256": "0".repeat(64)}),
                ),
            ],
        ),
        ("params", vec![("/spec/params", Value::Object(params))]),
        ("symbols", vec![("/spec/dataset/symbols", json!(symbols))]),
        (
            "one day",
            vec![("/spec/dataset/start", json!("2012-01-02")), ("/spec/dataset/end", json!("2012-01-02"))],
        ),
        (
            "execution",
            vec![(
                "/spec/execution",
                json!({"lag": 1, "rebalance": "Q", "feeRatio": "0.001425", "taxRatio": "1",
            "initialCash": "1.5", "maxLeverage": "0.5"}),
            )],
        ),
        (
            "limits",
            vec![(
                "/spec/resources/limits",
                json!({"cpu": "500m", "memory": "1.5Gi", "ephemeral-storage": "16Mi"}),
            )],
        ),
        ("a name of 63 characters", vec![("/metadata/name", json!("n".repeat(63)))]),
        (
            "checks",
            vec![(
                "/spec/checks",
                json!({"lookahead": "Enforce", "cuts": 16, "determinism": "Off", "deadlineSeconds": 86_400}),
            )],
        ),
        ("expressions", vec![("/spec/acceptance/expressions", json!(vec!["x".repeat(512); 16]))]),
        ("artifacts", vec![("/spec/artifacts", json!(["EquityCurve", "Trades"]))]),
    ] {
        if let Err(said) = ask(&namespace.name, &changed(&changes)) {
            panic!("{what}: {said}");
        }
    }
}

#[test]
fn a_fresh_run_looks_unfinished_and_has_its_defaults() {
    let namespace = namespace("crd-fresh");
    let run = ask(&namespace.name, &good()).unwrap();
    assert_eq!(run["status"], json!({"observedGeneration": -1}));
    assert_eq!(run["spec"]["className"], "default");
    // What class or operator may say has no default here: what stood in the schema would win over them.
    let fields: Vec<&String> = run["spec"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["cachePolicy", "className", "code", "dataset"]);
    assert_eq!(run["spec"]["cachePolicy"], "IfSameInputs");
}

#[test]
fn other_clients_get_an_unknown_field_pruned_with_a_warning() {
    let namespace = namespace("crd-warning");
    let run = changed(&[("/spec/cod", json!("x"))]);
    let arguments =
        ["create", "-n", &namespace.name, "--dry-run=server", "--validate=warn", "-o", "json", "-f", "-"];
    let done = support::tool("kubectl", &arguments, &run.to_string());
    assert!(done.status.success(), "{}", support::text(&done.stderr));
    assert!(
        support::text(&done.stderr).contains("unknown field \"spec.cod\""),
        "{}",
        support::text(&done.stderr)
    );
    let there: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert!(there["spec"].get("cod").is_none());
}

#[test]
fn the_api_server_refuses_classes_that_cannot_be() {
    let image = json!({"reference": "localhost/x:1"});
    let dataset = |name: &str| json!({"name": name, "image": image});
    let class = |spec: Value| {
        let mut spec = spec;
        if spec.get("image").is_none() {
            spec["image"] = json!("localhost/x:1");
        }
        json!({"apiVersion": "stratbox.dev/v1alpha1", "kind": "SandboxClass", "metadata": {"name": "schema-test"}, "spec": spec})
    };
    for good in [json!([dataset("a"), dataset("b")]), json!([{"name": "part-of-the-image"}, dataset("a")])] {
        assert!(ask("default", &class(json!({"datasets": good}))).is_ok());
    }
    let nine: Vec<Value> = (0..9).map(|n| dataset(&format!("d{n}"))).collect();
    for (spec, words) in [
        (json!({"image": ""}), vec!["spec.image"]),
        (json!({"imgae": "x"}), vec!["unknown field", "spec.imgae"]),
        (json!({"datasets": nine}), vec!["spec.datasets", "8"]),
        (json!({"datasets": [dataset("a"), dataset("a")]}), vec!["spec.datasets[1]", "Duplicate"]),
        (json!({"datasets": [dataset("../etc")]}), vec!["spec.datasets[0].name"]),
        (
            json!({"datasets": [{"name": "a", "image": image, "path": "../../etc"}]}),
            vec!["spec.datasets[0]", "must not contain .."],
        ),
        (json!({"datasets": [{"name": "a", "image": image, "format": "xls"}]}), vec!["format", "parquet"]),
        (json!({"userNamespaces": "Maybe"}), vec!["spec.userNamespaces", "Require"]),
        (json!({"limits": {"memory": "2GB"}}), vec!["spec.limits.memory"]),
        (json!({"require": ["Stage3"]}), vec!["spec.require[0]", "Landlock"]),
        (json!({"require": ["Stage2", "Stage2"]}), vec!["spec.require[1]", "Duplicate"]),
        (json!({"defaults": {"checks": {"cuts": 17}}}), vec!["spec.defaults.checks.cuts"]),
        (json!({"defaults": {"fallback": {"policy": "Host"}}}), vec!["spec.defaults.fallback.policy"]),
    ] {
        let said = ask("default", &class(spec.clone())).expect_err(&spec.to_string());
        for word in words {
            assert!(said.contains(word), "{spec}: no {word:?} in {said}");
        }
    }
}
