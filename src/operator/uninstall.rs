//! What the operator leaves behind on purpose, taken away when it is uninstalled: objects without an owner.

use super::client::connect;
use super::error::{Call, said, within};
use crate::sandbox::{DENY_ALL, LABEL_MANAGED_BY, MANAGED_BY, MANAGER_NODE, profile_label};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::networking::v1::NetworkPolicy;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, Preconditions};
use kube::core::Status;
use kube::{Api, Client, ResourceExt as _};

/// What could not be taken away.
#[derive(Debug, thiserror::Error)]
pub enum UninstallError {
    /// No API server.
    #[error("failed to connect to the API server")]
    Connect(#[source] Box<kube::Error>),
    /// The deny-all policies.
    #[error("failed to list the NetworkPolicies")]
    ListPolicies(#[source] Call),
    /// One of them.
    #[error("failed to delete NetworkPolicy {0}")]
    DeletePolicy(String, #[source] Call),
    /// The nodes with the profile label.
    #[error("failed to list the nodes")]
    ListNodes(#[source] Call),
    /// One of them.
    #[error("failed to take the profile label from node {0}")]
    UnlabelNode(String, #[source] Call),
}

/// What was taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Removed {
    /// Deny-all NetworkPolicies.
    pub policies: usize,
    /// Nodes that had the profile label.
    pub nodes: usize,
}

/// Removes the deny-all NetworkPolicies of these namespaces (none named: of all) and, if none
/// is named, the profile label of all nodes. An operator that is still there puts its label back as soon as it sees it go.
///
/// # Errors
/// The first thing that could not be removed; calling again goes on from there.
pub async fn uninstall(namespaces: &[String]) -> Result<Removed, UninstallError> {
    let client = connect().await.map_err(|error| UninstallError::Connect(Box::new(error)))?;
    let mut policies = 0;
    if namespaces.is_empty() {
        policies += remove_policies(&client, Api::all(client.clone())).await?;
    }
    for namespace in namespaces {
        policies += remove_policies(&client, Api::namespaced(client.clone(), namespace)).await?;
    }
    // With namespaces of its own this release may not be the only one that uses the nodes.
    let nodes = if namespaces.is_empty() { unlabel_nodes(&client).await? } else { 0 };
    Ok(Removed { policies, nodes })
}

/// Deletes those that are ours by label and by name: a label alone is easily copied.
async fn remove_policies(client: &Client, among: Api<NetworkPolicy>) -> Result<usize, UninstallError> {
    let ours = ListParams::default().labels(&format!("{LABEL_MANAGED_BY}={MANAGED_BY}"));
    let listed = within(among.list_metadata(&ours)).await.map_err(UninstallError::ListPolicies)?;
    let mut removed = 0;
    for policy in listed.items.iter().filter(|policy| policy.name_any() == DENY_ALL) {
        let namespace = policy.namespace().unwrap_or_default();
        let policies = Api::<NetworkPolicy>::namespaced(client.clone(), &namespace);
        let only_this = Preconditions { uid: policy.uid(), resource_version: None };
        let params = DeleteParams { preconditions: Some(only_this), ..DeleteParams::default() };
        match within(policies.delete(DENY_ALL, &params)).await {
            Ok(_) => removed += 1,
            // Its namespace was quicker.
            Err(error) if said(&error, Status::is_not_found) => {}
            Err(error) => {
                return Err(UninstallError::DeletePolicy(format!("{namespace}/{DENY_ALL}"), error));
            }
        }
    }
    Ok(removed)
}

/// Without the node agent nobody keeps the label true.
async fn unlabel_nodes(client: &Client) -> Result<usize, UninstallError> {
    let label = profile_label();
    let nodes = Api::<Node>::all(client.clone());
    let labelled = within(nodes.list_metadata(&ListParams::default().labels(&label)))
        .await
        .map_err(UninstallError::ListNodes)?;
    let params = PatchParams { field_manager: Some(MANAGER_NODE.into()), ..PatchParams::default() };
    let patch = serde_json::json!({"metadata": {"labels": {label.clone(): null}}});
    for node in &labelled.items {
        let name = node.name_any();
        within(nodes.patch_metadata(&name, &params, &Patch::Merge(&patch)))
            .await
            .map_err(|error| UninstallError::UnlabelNode(name, error))?;
    }
    Ok(labelled.items.len())
}
