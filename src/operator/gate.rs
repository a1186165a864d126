//! Asking the gate: off the threads that reconcile, once per input and policy, and a few programs at a time.

use super::context::{Context, GateNote};
use super::error::{Error, within};
use super::observe::is_object_name;
use crate::crd::{CodeFrom, SandboxClass, StrategyRun};
use crate::run::{Gate, gate_policy};
use crate::strategy::{self, Policy};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt as _};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinError;

/// How long a look waits for the verdict. A program of the usual size has its own within some milliseconds, which cost
/// neither a write nor another look; one that takes longer, or waits behind others that do, shows as `Validating`.
const PATIENCE: Duration = Duration::from_millis(100);

/// Places of the programs that are read at the same time. More than there are processors would only make all of them late.
pub(super) fn desks() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)))
}

/// What the gate says of the run's code. It is asked once per input and policy; a run whose verdict takes longer than a look
/// waits is woken when it is there.
pub(super) async fn observe_gate(
    context: &Context,
    run: &StrategyRun,
    input_hash: &str,
    class: &SandboxClass,
) -> Result<GateNote, Error> {
    let uid = run.uid().unwrap_or_default();
    let policy = gate_policy(&class.spec);
    let key = format!("{input_hash}/{}", policy.digest());
    let known = || context.memory.with(&uid, |note| note.gate.clone().filter(|known| known.key == key));
    if let Some(known) = known() {
        return Ok(known);
    }
    let text = match (&run.spec.code, &run.spec.code_from) {
        (Some(code), _) => Ok(code.clone().into_bytes()),
        (None, Some(reference)) => read_code(context, run, reference).await?,
        (None, None) => Err(Gate::CodeDiffers("spec: set exactly one of code and codeFrom".into())),
    };
    let text = match text {
        Ok(text) => text,
        // Not kept: the ConfigMap may come.
        Err(gate) => return Ok(GateNote { key, gate: Arc::new(gate), ms: 0 }),
    };
    context.memory.with(&uid, |note| note.gate = Some(GateNote::undecided(key.clone())));
    let (answer, verdict) = oneshot::channel();
    tokio::spawn(ask(context.clone(), run_target(run), uid.clone(), key.clone(), (text, policy), answer));
    match tokio::time::timeout(PATIENCE, verdict).await {
        Ok(Ok(said)) => said.map_err(Error::RunGate),
        // It may have come in the moment in which nobody waited any more; then nobody was woken either.
        Ok(Err(_)) | Err(_) => Ok(known().unwrap_or_else(|| GateNote::undecided(key.clone()))),
    }
}

fn run_target(run: &StrategyRun) -> super::session::Target {
    ObjectRef::new(&run.name_any()).within(&run.namespace().unwrap_or_default())
}

/// Judges a program as soon as there is a place, keeps the verdict, and tells whoever waits for it: the look that asked, or
/// else the run.
async fn ask(
    context: Context,
    target: super::session::Target,
    uid: String,
    key: String,
    (text, policy): (Vec<u8>, Policy),
    answer: oneshot::Sender<Result<GateNote, JoinError>>,
) {
    let asked = Instant::now();
    // Nobody closes it.
    let place = context.desks.clone().acquire_owned().await.ok();
    let judged = tokio::task::spawn_blocking(move || {
        let gate = match strategy::check(&text, &policy) {
            Ok(strategy) => Gate::Accepted(Box::new(strategy)),
            Err(findings) => Gate::Rejected(findings),
        };
        drop(place);
        gate
    })
    .await;
    let said = judged.map(|gate| {
        let ms = u64::try_from(asked.elapsed().as_millis()).unwrap_or(u64::MAX);
        GateNote { key: key.clone(), gate: Arc::new(gate), ms }
    });
    let is_wanted = context.memory.decide(&uid, &key, said.as_ref().ok());
    if answer.send(said).is_err() && is_wanted {
        // Fails only when the controller is gone, and then nobody is left to be woken.
        let _ = context.sessions.trigger().unbounded_send(target);
    }
}

/// The text of a ConfigMap's key, or what is wrong with it.
async fn read_code(
    context: &Context,
    run: &StrategyRun,
    reference: &CodeFrom,
) -> Result<Result<Vec<u8>, Gate>, Error> {
    let namespace = run.namespace().unwrap_or_default();
    let (name, key) = (&reference.config_map_key_ref.name, &reference.config_map_key_ref.key);
    let maps: Api<ConfigMap> = Api::namespaced(context.client.clone(), &namespace);
    let missing =
        |what: &str| Gate::CodeNotFound(format!("spec.codeFrom.configMapKeyRef: {what}; create it"));
    let map =
        if is_object_name(name) { within(maps.get_opt(name)).await.map_err(Error::ReadCode)? } else { None };
    let Some(map) = map else {
        return Ok(Err(missing(&format!("there is no ConfigMap {name:?} in namespace {namespace:?}"))));
    };
    let text = map
        .data
        .as_ref()
        .and_then(|data| data.get(key).map(|text| text.clone().into_bytes()))
        .or_else(|| map.binary_data.as_ref()?.get(key).map(|bytes| bytes.0.clone()));
    let Some(text) = text else {
        return Ok(Err(missing(&format!("ConfigMap {name:?} has no key {key:?}"))));
    };
    let wanted = reference.sha256.as_deref().unwrap_or_default();
    if !wanted.is_empty() && wanted != crate::wire::sha256_hex(&text) {
        let message =
            format!("spec.codeFrom.sha256: key {key:?} of ConfigMap {name:?} does not hash to {wanted}");
        return Ok(Err(Gate::CodeDiffers(message)));
    }
    Ok(Ok(text))
}
