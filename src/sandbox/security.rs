//! What makes a sandbox one: the only place where these fields are set.

use super::names::{
    DENY_ALL, LABEL_COMPONENT, LABEL_MANAGED_BY, MANAGED_BY, SANDBOX, hex, managed_labels, profile_path,
};
use crate::config::SandboxConfig;
use k8s_openapi::api::core::v1::{
    Capabilities, PodDNSConfig, PodSecurityContext, SeccompProfile, SecurityContext,
};
use k8s_openapi::api::networking::v1::{NetworkPolicy, NetworkPolicySpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::api::ObjectMeta;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The profile of stage 1.
const PROFILE: &str = include_str!("../../seccomp/sandbox.json");

/// Digits of the hash in the node label; a label's name has at most 63 characters.
pub const PROFILE_HASH_LENGTH: usize = 12;

static PROFILE_HASH: LazyLock<String> = LazyLock::new(|| hex(&Sha256::digest(PROFILE), 64));

/// SHA-256 of the profile, hex: part of its file name, so that a changed profile never replaces one in use.
#[must_use]
pub fn profile_hash() -> &'static str {
    &PROFILE_HASH
}

/// The profile for nodes of one architecture, as Rust names it. The container runtime compiles a filter for each one that the
/// profile names, for both containers of every sandbox; of another node's it needs none.
#[must_use]
pub fn profile_for(architecture: &str) -> String {
    let own = format!("SCMP_ARCH_{}", architecture.to_uppercase());
    let mut profile: Value = serde_json::from_str(PROFILE).unwrap_or_default();
    match profile["architectures"].as_array_mut() {
        Some(named) if named.iter().any(|name| *name == own) => named.retain(|name| *name == own),
        // A profile without the node's own would kill everything there; as it is, it says so to whoever looks.
        _ => return PROFILE.to_owned(),
    }
    // Whoever compares the file with its name is told why they differ.
    profile["comment"] =
        format!("Stage 1 for {architecture} alone, from the profile whose SHA-256 is {}.", profile_hash())
            .into();
    profile.to_string()
}

/// The pod's part. No supplementary groups but the primary one; the profile again on the pod, so that a container that
/// somebody injects has it too.
pub(super) fn pod_context(config: SandboxConfig) -> PodSecurityContext {
    PodSecurityContext {
        run_as_non_root: Some(true),
        run_as_user: Some(config.run_as_user),
        run_as_group: Some(config.run_as_group),
        supplemental_groups_policy: Some("Strict".into()),
        seccomp_profile: Some(localhost_profile()),
        ..PodSecurityContext::default()
    }
}

/// The container's part.
pub(super) fn container_context(config: SandboxConfig) -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities { drop: Some(vec!["ALL".into()]), add: None }),
        privileged: Some(false),
        read_only_root_filesystem: Some(true),
        run_as_non_root: Some(true),
        run_as_user: Some(config.run_as_user),
        run_as_group: Some(config.run_as_group),
        seccomp_profile: Some(localhost_profile()),
        ..SecurityContext::default()
    }
}

fn localhost_profile() -> SeccompProfile {
    SeccompProfile { type_: "Localhost".into(), localhost_profile: Some(profile_path()) }
}

/// Name resolution that resolves nothing: with policy None a pod needs at least one server, and nobody listens there.
pub(super) fn no_dns() -> PodDNSConfig {
    PodDNSConfig { nameservers: Some(vec!["127.0.0.1".into()]), ..PodDNSConfig::default() }
}

/// The NetworkPolicy that stands beside the missing `socket()`: nothing in, nothing out, for every sandbox of the
/// namespace. It has no owner, as it must outlive each run.
#[must_use]
pub fn build_deny_all(namespace: &str) -> NetworkPolicy {
    let labels = BTreeMap::from([
        (LABEL_MANAGED_BY.to_owned(), MANAGED_BY.to_owned()),
        (LABEL_COMPONENT.to_owned(), SANDBOX.to_owned()),
    ]);
    NetworkPolicy {
        metadata: ObjectMeta {
            name: Some(DENY_ALL.into()),
            namespace: Some(namespace.into()),
            labels: Some(managed_labels()),
            ..ObjectMeta::default()
        },
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector { match_labels: Some(labels), match_expressions: None }),
            policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
            ..NetworkPolicySpec::default()
        }),
    }
}
