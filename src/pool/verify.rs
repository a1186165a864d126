//! Whether a sandbox is still as it was made: what a run is handed over to must be nothing else.
//!
//! Anyone may put our labels on a pod of theirs, and whoever may update a pod may change its image or attach a debugging
//! container to it. So every field that we set has to be as we set it, and of others only those may be there that an
//! API server fills in by itself.

use crate::crd::Quantity;
use crate::sandbox::{LABEL_ATTEMPT, LABEL_RUN_UID};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;
use serde_json::{Map, Value};

/// Fields that an API server adds to a pod such as ours: by path, as it stands in the object.
const FILLED_IN: &[(&str, &[&str])] = &[
    (
        "spec",
        &[
            "enableServiceLinks",
            "imagePullSecrets",
            "nodeName",
            // From the RuntimeClass.
            "nodeSelector",
            "overhead",
            "preemptionPolicy",
            "priority",
            "schedulerName",
            "serviceAccount",
            "serviceAccountName",
        ],
    ),
    ("spec.containers", &["resizePolicy", "terminationMessagePath", "terminationMessagePolicy"]),
    ("spec.containers.env.valueFrom.fieldRef", &["apiVersion"]),
    ("spec.nodeSelector", &["*"]),
    ("metadata.labels", &["*"]),
    ("metadata.annotations", &["*"]),
];

/// Lists to which a cluster may add, without anything that runs in the pod.
const MAY_GROW: [&str; 2] = ["spec.imagePullSecrets", "spec.tolerations"];

/// A pod as it was made, which may lack a name, ready to be compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    parts: [(&'static str, Value); 4],
}

impl Made {
    pub(super) fn of(pod: &Pod) -> Self {
        Self { parts: parts(pod) }
    }

    /// Checks that a waiting sandbox is as it was made, and belongs to nobody else; an error is the path of the first
    /// field that differs.
    pub(super) fn is_still(&self, pod: &Pod) -> Result<(), String> {
        if pod.metadata.deletion_timestamp.is_some() {
            return Err("metadata.deletionTimestamp".to_owned());
        }
        for label in [LABEL_RUN_UID, LABEL_ATTEMPT] {
            if pod.labels().contains_key(label) {
                return Err(format!("metadata.labels.{label}"));
            }
        }
        let pairs = self.parts.iter().zip(parts(pod));
        pairs.into_iter().find_map(|((path, was), (_, is))| difference(path, was, &is)).map_or(Ok(()), Err)
    }
}

fn parts(pod: &Pod) -> [(&'static str, Value); 4] {
    [
        ("metadata.labels", json(&pod.metadata.labels)),
        ("metadata.annotations", json(&pod.metadata.annotations)),
        ("metadata.ownerReferences", json(&pod.metadata.owner_references)),
        ("spec", json(&pod.spec)),
    ]
}

fn json(part: &impl serde::Serialize) -> Value {
    serde_json::to_value(part).unwrap_or_default()
}

/// The path of the first place at which what is there is not what was made.
fn difference(path: &str, made: &Value, is: &Value) -> Option<String> {
    match (made, is) {
        (Value::Object(made), Value::Object(is)) => object_difference(path, made, is),
        (Value::Array(made), Value::Array(is)) if MAY_GROW.contains(&path) => {
            (!made.iter().all(|item| is.contains(item))).then(|| path.to_owned())
        }
        (Value::Array(made), Value::Array(is)) if made.len() == is.len() => {
            made.iter().zip(is).find_map(|(made, is)| difference(path, made, is))
        }
        (Value::String(made), Value::String(is)) if made != is && is_quantity(path) => {
            let same = made.parse::<Quantity>().ok().is_some_and(|made| Some(made) == is.parse().ok());
            (!same).then(|| path.to_owned())
        }
        _ => (made != is).then(|| path.to_owned()),
    }
}

fn object_difference(path: &str, made: &Map<String, Value>, is: &Map<String, Value>) -> Option<String> {
    let changed = made.iter().find_map(|(key, was)| {
        let path = format!("{path}.{key}");
        match is.get(key) {
            Some(is) => difference(&path, was, is),
            // An API server leaves out what is as if it were not there.
            None => (!is_nothing(was)).then_some(path),
        }
    });
    changed.or_else(|| {
        let may = FILLED_IN.iter().find(|(at, _)| *at == path).map_or(&[][..], |(_, fields)| fields);
        let added = is
            .keys()
            .find(|key| !made.contains_key(*key) && !may.contains(&key.as_str()) && !may.contains(&"*"))?;
        Some(format!("{path}.{added}"))
    })
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// An API server writes 1 for 1000m.
fn is_quantity(path: &str) -> bool {
    path.starts_with("spec.containers.resources.") || path.ends_with(".sizeLimit")
}
