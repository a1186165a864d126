//! The CustomResourceDefinitions as they are installed.

use super::{SandboxClass, SandboxPool, StrategyRun};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};
use kube::CustomResourceExt;

/// Every CRD of the project, ready to be installed.
#[must_use]
pub fn all() -> Vec<CustomResourceDefinition> {
    let (mut run, mut pool) = (StrategyRun::crd(), SandboxPool::crd());
    default_status(&mut run);
    default_status(&mut pool);
    vec![run, SandboxClass::crd(), pool]
}

/// The CRDs as one YAML stream.
///
/// # Errors
/// Never for the types of this crate; kept because the serialiser can fail for others.
pub fn to_yaml() -> Result<String, serde_saphyr::ser::Error> {
    all().iter().map(|crd| Ok(format!("---\n{}", serde_saphyr::to_string(crd)?))).collect()
}

/// A resource that no controller has seen yet must not look finished: readers of kstatus compare `observedGeneration`
/// with the generation, so the schema itself puts -1 there. kube's derive has no word for a default of `status`.
fn default_status(crd: &mut CustomResourceDefinition) {
    for version in &mut crd.spec.versions {
        let status = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
            .and_then(|schema| schema.properties.as_mut())
            .and_then(|properties| properties.get_mut("status"));
        if let Some(status) = status {
            status.default = Some(JSON(serde_json::json!({"observedGeneration": -1})));
        }
    }
}
