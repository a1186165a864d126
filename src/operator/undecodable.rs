//! Runs that this version cannot decode, such as those stored under another schema: they get an answer too, and do not
//! stop the others.

use super::context::Context;
use super::enact::replace_status;
use super::error::{Error, within};
use crate::crd::{Reason, StrategyRun};
use crate::wire::clean;
use jiff::Timestamp;
use kube::api::{ApiResource, DynamicObject};
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;
use kube::{Api, Resource as _, ResourceExt as _};

/// Bytes of the message.
const MESSAGE: usize = 1024;

/// Says in the status, by an API that needs no type, what could not be decoded.
pub(super) async fn refuse_undecodable(
    context: &Context,
    seen: &DeserializeGuard<StrategyRun>,
    invalid: &InvalidObject,
) -> Result<Action, Error> {
    let (name, namespace) = (seen.name_any(), seen.namespace().unwrap_or_default());
    let generation = seen.meta().generation;
    let resource = ApiResource::erase::<StrategyRun>(&());
    let runs: Api<DynamicObject> = Api::namespaced_with(context.client.clone(), &namespace, &resource);
    let message = clean(
        &format!("the object cannot be read: {}; correct the field and apply it again", invalid.error),
        MESSAGE,
    );
    let Some(run) = within(runs.get_opt(&name)).await.map_err(Error::PatchStatus)? else {
        return Ok(Action::await_change());
    };
    let status = &run.data["status"];
    let said = status["conditions"].as_array().is_some_and(|conditions| {
        conditions.iter().any(|condition| condition["message"] == message.as_str())
    });
    // A version that could read it has ended it, and what that one has written stays.
    let ended = status["completionTime"].is_string();
    if (said || ended) && status["observedGeneration"].as_i64() == generation {
        return Ok(Action::await_change());
    }
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap_or_default().to_string();
    let condition = |type_: &str, status: &str| {
        serde_json::json!({"type": type_, "status": status, "reason": Reason::InvalidSpec.as_str(), "message": message,
            "observedGeneration": generation, "lastTransitionTime": now})
    };
    let status = serde_json::json!({"observedGeneration": generation, "completionTime": now,
        "conditions": [condition("Ready", "False"), condition("Stalled", "True")]});
    replace_status(&runs, &name, run.resource_version().as_deref(), &status)
        .await
        .map_err(Error::PatchStatus)?;
    Ok(Action::await_change())
}
