//! Why the operator could not look or could not write. What happens to a run is never one of these.

use std::time::Duration;

/// How long a single call may take before it counts as failed; watches and attach are not single calls.
const CALL: Duration = Duration::from_secs(15);

/// A step that did not work.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The run's class.
    #[error("failed to read the SandboxClass")]
    ReadClass(#[source] Call),
    /// The ConfigMap of `codeFrom`.
    #[error("failed to read the ConfigMap with the code")]
    ReadCode(#[source] Call),
    /// The run, where what the watch has of it is not enough.
    #[error("failed to read the run")]
    ReadRun(#[source] Call),
    /// The sandbox.
    #[error("failed to read the pod")]
    ReadPod(#[source] Call),
    /// The sandbox.
    #[error("failed to create the pod")]
    CreatePod(#[source] Call),
    /// A pool's sandbox.
    #[error("failed to claim the pod")]
    ClaimPod(#[source] Call),
    /// The sandbox.
    #[error("failed to delete the pod")]
    DeletePod(#[source] Call),
    /// The run itself, at its time.
    #[error("failed to delete the run")]
    DeleteRun(#[source] Call),
    /// The deny-all policy.
    #[error("failed to see to the NetworkPolicy")]
    ApplyNetworkPolicy(#[source] Call),
    /// The artifacts.
    #[error("failed to write the ConfigMap with the artifacts")]
    ApplyArtifacts(#[source] Call),
    /// The run's status.
    #[error("failed to patch the status")]
    PatchStatus(#[source] Call),
    /// The gate's thread.
    #[error("failed to run the gate")]
    RunGate(#[source] tokio::task::JoinError),
}

/// A call to the API server that did not work.
#[derive(Debug, thiserror::Error)]
pub enum Call {
    /// The client or the server says so.
    #[error(transparent)]
    Kube(Box<kube::Error>),
    /// No answer.
    #[error("no answer within {} s", CALL.as_secs())]
    Timeout,
}

impl Error {
    /// A bounded name for metrics and logs.
    #[must_use]
    pub(super) const fn class(&self) -> &'static str {
        match self {
            Self::ReadClass(_) => "ReadClass",
            Self::ReadCode(_) => "ReadCode",
            Self::ReadRun(_) => "ReadRun",
            Self::ReadPod(_) => "ReadPod",
            Self::CreatePod(_) => "CreatePod",
            Self::ClaimPod(_) => "ClaimPod",
            Self::DeletePod(_) => "DeletePod",
            Self::DeleteRun(_) => "DeleteRun",
            Self::ApplyNetworkPolicy(_) => "ApplyNetworkPolicy",
            Self::ApplyArtifacts(_) => "ApplyArtifacts",
            Self::PatchStatus(_) => "PatchStatus",
            Self::RunGate(_) => "RunGate",
        }
    }

    /// Somebody else has written first: looking again at once is the answer.
    #[must_use]
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::PatchStatus(Call::Kube(error)) | Self::DeletePod(Call::Kube(error)) | Self::DeleteRun(Call::Kube(error))
            if matches!(&**error, kube::Error::Api(status) if status.is_conflict()))
    }
}

/// What an error says, and every cause behind it.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        // A transparent error repeats what stands behind it.
        if text.ends_with(&cause) { text } else { format!("{text}: {cause}") }
    })
}

/// Waits for one call, and not for ever.
pub(super) async fn within<T>(call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Call> {
    match tokio::time::timeout(CALL, call).await {
        Ok(result) => result.map_err(|error| Call::Kube(Box::new(error))),
        Err(_) => Err(Call::Timeout),
    }
}

/// Whether the API server has answered so.
pub(super) fn said(error: &Call, what: impl Fn(&kube::core::Status) -> bool) -> bool {
    matches!(error, Call::Kube(error) if matches!(&**error, kube::Error::Api(status) if what(status)))
}
