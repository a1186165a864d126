//! A waiting sandbox that is as it was made, and every way in which it may not be.

use super::{World, up};
use k8s_openapi::api::core::v1::Pod;
use serde_json::json;

#[test]
fn a_pod_as_the_api_server_stores_it_is_as_made() {
    let world = World::new(1);
    assert_eq!(world.template().check(&world.member("a", up())), Ok(()));
}

/// Whatever somebody changes or adds that runs code in the sandbox, or takes a layer of isolation away, is seen.
#[test]
fn every_change_to_a_waiting_sandbox_is_seen() {
    let world = World::new(1);
    let base = serde_json::to_value(world.member("a", up())).unwrap();
    for (pointer, value) in [
        ("/metadata/deletionTimestamp", json!("2026-01-01T00:00:00Z")),
        ("/metadata/labels/stratbox.dev~1run-uid", json!("other")),
        ("/metadata/labels/stratbox.dev~1class", json!("other")),
        ("/metadata/ownerReferences/0/uid", json!("other")),
        ("/metadata/ownerReferences", json!([])),
        ("/metadata/annotations/sidecar.istio.io~1inject", json!("true")),
        ("/spec/containers/0/image", json!("evil")),
        ("/spec/containers/0/command", json!(["sh"])),
        ("/spec/containers/0/args", json!(["x"])),
        ("/spec/containers/0/lifecycle", json!({"postStart": {"exec": {"command": ["sh"]}}})),
        ("/spec/containers/0/livenessProbe", json!({"exec": {"command": ["sh"]}})),
        ("/spec/containers/0/envFrom", json!([{"configMapRef": {"name": "x"}}])),
        ("/spec/containers/0/env/0/name", json!("LD_PRELOAD")),
        ("/spec/containers/0/stdin", json!(false)),
        ("/spec/containers/0/stdinOnce", json!(true)),
        ("/spec/containers/0/tty", json!(true)),
        ("/spec/containers/0/securityContext/privileged", json!(true)),
        ("/spec/containers/0/securityContext/readOnlyRootFilesystem", json!(false)),
        ("/spec/containers/0/securityContext/capabilities/add", json!(["SYS_ADMIN"])),
        ("/spec/containers/0/resources/limits/memory", json!("4Gi")),
        ("/spec/containers/0/volumeMounts/0/readOnly", json!(false)),
        ("/spec/initContainers", json!([{"name": "x", "image": "evil"}])),
        ("/spec/ephemeralContainers", json!([{"name": "x", "image": "evil"}])),
        ("/spec/securityContext/seccompProfile/type", json!("Unconfined")),
        ("/spec/securityContext/runAsUser", json!(0)),
        ("/spec/securityContext/fsGroup", json!(1)),
        ("/spec/hostUsers", json!(true)),
        ("/spec/hostNetwork", json!(true)),
        ("/spec/hostPID", json!(true)),
        ("/spec/shareProcessNamespace", json!(true)),
        ("/spec/automountServiceAccountToken", json!(true)),
        ("/spec/runtimeClassName", json!("other")),
        ("/spec/activeDeadlineSeconds", json!(1)),
        ("/spec/volumes/0/emptyDir/sizeLimit", json!("2Mi")),
        ("/spec/affinity/nodeAffinity", json!({})),
    ] {
        let mut changed = base.clone();
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let target = changed.pointer_mut(parent).unwrap_or_else(|| panic!("{parent}"));
        target[key.replace("~1", "/")] = value;
        let changed: Pod = serde_json::from_value(changed).unwrap();
        let found = world.template().check(&changed);
        assert!(found.is_err(), "{pointer} is not seen");
    }
    let mut more = base;
    let extra = json!({"name": "x", "image": "evil"});
    more["spec"]["containers"].as_array_mut().unwrap().push(extra);
    assert!(world.template().check(&serde_json::from_value(more).unwrap()).is_err());
}

#[test]
fn what_a_cluster_adds_that_runs_nothing_does_not_matter() {
    let world = World::new(1);
    let mut pod = world.member("a", up());
    let spec = pod.spec.as_mut().unwrap();
    spec.tolerations.get_or_insert_default().push(k8s_openapi::api::core::v1::Toleration {
        key: Some("other".into()),
        ..k8s_openapi::api::core::v1::Toleration::default()
    });
    let limits = spec.containers[0].resources.as_mut().unwrap().limits.as_mut().unwrap();
    limits.get_mut("cpu").unwrap().0 = "0.5".into();
    assert_eq!(world.template().check(&pod), Ok(()));
}
