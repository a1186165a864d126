//! The CustomResourceDefinitions as they are installed.

use super::{SandboxClass, SandboxPool, StrategyRun};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;

/// Every CRD of the project, ready to be installed.
#[must_use]
pub fn all() -> Vec<CustomResourceDefinition> {
    let (mut run, mut pool) = (StrategyRun::crd(), SandboxPool::crd());
    for crd in [&mut run, &mut pool] {
        status_of(crd).for_each(|status| {
            default_status(status);
            keep_whole(status);
        });
    }
    vec![run, SandboxClass::crd(), pool]
}

/// The CRDs as one YAML stream.
///
/// # Errors
/// Never for the types of this crate; kept because the serialiser can fail for others.
pub fn to_yaml() -> Result<String, serde_saphyr::ser::Error> {
    all().iter().map(|crd| Ok(format!("---\n{}", serde_saphyr::to_string(crd)?))).collect()
}

fn status_of(crd: &mut CustomResourceDefinition) -> impl Iterator<Item = &mut JSONSchemaProps> {
    crd.spec.versions.iter_mut().filter_map(|version| {
        version.schema.as_mut()?.open_api_v3_schema.as_mut()?.properties.as_mut()?.get_mut("status")
    })
}

/// A resource that no controller has seen yet must not look finished: readers of kstatus compare `observedGeneration`
/// with the generation, so the schema itself puts -1 there. kube's derive has no word for a default of `status`.
fn default_status(status: &mut JSONSchemaProps) {
    status.default = Some(JSON(serde_json::json!({"observedGeneration": -1})));
}

/// Each part of a status has one writer and is written as a whole. Said so, the API server does not keep the owner of every
/// number in it, which is a third of such an object and of what a write of it costs; conditions and artifacts alone stay mergeable.
fn keep_whole(status: &mut JSONSchemaProps) {
    for part in status.properties.iter_mut().flat_map(|properties| properties.values_mut()) {
        if part.type_.as_deref() == Some("object") && part.properties.is_some() {
            part.x_kubernetes_map_type = Some("atomic".to_owned());
        }
    }
}
