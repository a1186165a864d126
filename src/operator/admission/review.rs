//! The review of one run: what the API server asks, and what it is answered. Pure: bytes in, bytes out.
//!
//! Only what is judged is decoded, straight into its place: neither an object of another version nor the most hostile
//! JSON costs more memory than its own bytes once more.

use crate::crd::StrategyRun;
use crate::run::sentence;
use crate::strategy::{self, Finding, Policy, Severity};
use crate::wire::clean;
use kube::Resource as _;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Findings that a refusal lists; `stratbox validate` and the status have more of them.
const FINDINGS: usize = 8;
/// Bytes of one of them.
const FINDING: usize = 320;
/// Warnings with an answer. The API server cuts them all together at 4 KiB.
const WARNINGS: usize = 8;
/// Bytes of a warning: what is longer is hard to read where kubectl prints it.
const WARNING: usize = 120;
/// Bytes of an id; the API server's are UUIDs.
const UID: usize = 64;

/// What the API server asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Review {
    /// Names the question in the answer.
    pub(super) uid: String,
    /// What there is to judge.
    pub(super) asked: Asked,
}

/// What there is to judge.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A program, by the policy of a class.
    Program {
        /// The text of `spec.code`.
        code: String,
        /// The value of `spec.className`.
        class: String,
    },
    /// Nothing: another object, a run that is being deleted, code from elsewhere, or a change of something else.
    Nothing,
    /// A StrategyRun of another form than this operator knows, and why.
    Unreadable(String),
}

/// What the API server is answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// In one word.
    pub(super) verdict: Verdict,
    /// Why it was refused; empty otherwise.
    message: String,
    /// For whoever applied the run, without consequence.
    warnings: Vec<String>,
}

/// An answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The gate accepts the program.
    Accepted,
    /// The gate refuses the program.
    Refused,
    /// There was nothing to judge.
    NothingToJudge,
    /// The object could not be read, so nobody judged it.
    Unreadable,
}

impl Verdict {
    /// The word in metrics.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Refused => "Refused",
            Self::NothingToJudge => "NothingToJudge",
            Self::Unreadable => "Unreadable",
        }
    }

    /// Whether the object may be stored.
    const fn allows(self) -> bool {
        match self {
            Self::Accepted | Self::NothingToJudge | Self::Unreadable => true,
            Self::Refused => false,
        }
    }
}

/// Why a body is no review: nobody but an API server asks here, and it does not ask like this.
#[derive(Debug, thiserror::Error)]
pub(super) enum Malformed {
    /// Not JSON of that form.
    #[error("the body is no AdmissionReview")]
    Json(#[from] serde_json::Error),
    /// Another version of the question.
    #[error("apiVersion and kind must be admission.k8s.io/v1 AdmissionReview")]
    Version,
    /// An id that cannot be.
    #[error("request.uid must be 1 to {UID} bytes")]
    Uid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<New, Old> {
    api_version: String,
    kind: String,
    request: Request<New, Old>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request<New, Old> {
    uid: String,
    resource: Resource,
    #[serde(default)]
    sub_resource: String,
    operation: String,
    object: Option<New>,
    old_object: Option<Old>,
}

#[derive(Deserialize)]
struct Resource {
    group: String,
    resource: String,
}

/// What of a StrategyRun is judged, or says that it is not.
#[derive(Deserialize)]
struct Run {
    #[serde(default)]
    metadata: Metadata,
    spec: Spec,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    deletion_timestamp: Option<IgnoredAny>,
}

#[derive(PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    code: Option<String>,
    // The schema's default has been filled in before a review.
    #[serde(default)]
    class_name: String,
}

/// Reads a question. A StrategyRun that cannot be decoded is not malformed: the schema has let it pass, so it is of a
/// version that this operator does not know, and the controller answers in its status.
///
/// # Errors
/// The body is no AdmissionReview.
pub(super) fn read(body: &[u8]) -> Result<Review, Malformed> {
    // Without the objects first, so that one of another form is told from a question of another form.
    let envelope: Envelope<IgnoredAny, IgnoredAny> = serde_json::from_slice(body)?;
    if envelope.api_version != "admission.k8s.io/v1" || envelope.kind != "AdmissionReview" {
        return Err(Malformed::Version);
    }
    let request = envelope.request;
    if request.uid.is_empty() || request.uid.len() > UID {
        return Err(Malformed::Uid);
    }
    let ours = request.resource.group == StrategyRun::group(&())
        && request.resource.resource == StrategyRun::plural(&())
        && request.sub_resource.is_empty()
        && ["CREATE", "UPDATE"].contains(&request.operation.as_str());
    let asked = if ours { read_run(body) } else { Asked::Nothing };
    Ok(Review { uid: request.uid, asked })
}

fn read_run(body: &[u8]) -> Asked {
    let new = match serde_json::from_slice::<Envelope<Run, IgnoredAny>>(body) {
        Ok(Envelope { request: Request { object: Some(new), .. }, .. }) => new,
        Ok(_) => return Asked::Unreadable("request.object is missing".to_owned()),
        Err(error) => return Asked::Unreadable(error.to_string()),
    };
    let Some(code) = new.spec.code.as_ref().filter(|_| new.metadata.deletion_timestamp.is_none()) else {
        return Asked::Nothing;
    };
    // Another class has another policy, so the same code is judged again. What was there before and cannot be read
    // is something else.
    let old = serde_json::from_slice::<Envelope<IgnoredAny, Run>>(body).ok();
    let same = old.and_then(|old| old.request.old_object).is_some_and(|old| old.spec == new.spec);
    if same {
        return Asked::Nothing;
    }
    Asked::Program { code: code.clone(), class: new.spec.class_name }
}

/// Judges a program as the controller would. A class that is not there has the built-in policy.
pub(super) fn judge(code: &str, class: &str, policy: Option<&Policy>) -> Answer {
    let built_in = Policy::default();
    let missing = policy.is_none().then(|| {
        format!(
            "spec.className: there is no SandboxClass {class:?}; spec.code was judged by the built-in policy"
        )
    });
    let (verdict, findings, total) = match strategy::check(code.as_bytes(), policy.unwrap_or(&built_in)) {
        Ok(strategy) => (Verdict::Accepted, strategy.warnings().to_vec(), 0),
        Err(findings) => (Verdict::Refused, findings.items().to_vec(), findings.total()),
    };
    let (errors, soft): (Vec<_>, Vec<_>) =
        findings.iter().partition(|finding| finding.severity == Severity::Error);
    let message = match verdict {
        Verdict::Refused => refusal(&errors, total.saturating_sub(soft.len())),
        Verdict::Accepted | Verdict::NothingToJudge | Verdict::Unreadable => String::new(),
    };
    let soft = soft.into_iter().map(sentence);
    let warnings = missing.into_iter().chain(soft).take(WARNINGS).map(|text| warning(&text)).collect();
    Answer { verdict, message, warnings }
}

/// The answer where there was nothing to judge.
pub(super) const fn nothing() -> Answer {
    Answer { verdict: Verdict::NothingToJudge, message: String::new(), warnings: Vec::new() }
}

/// The answer on an object that could not be read.
pub(super) fn unreadable(why: &str) -> Answer {
    let text = format!("stratbox cannot read this object, so its code was not judged: {why}");
    Answer { verdict: Verdict::Unreadable, message: String::new(), warnings: vec![warning(&text)] }
}

/// What is wrong, place by place, and what to write instead.
fn refusal(errors: &[&Finding], total: usize) -> String {
    let mut lines = vec![format!("the gate refuses spec.code ({total} finding(s))")];
    lines.extend(errors.iter().take(FINDINGS).map(|finding| clean(&sentence(finding), FINDING)));
    let rest = total.saturating_sub(FINDINGS.min(errors.len()));
    if rest > 0 {
        lines.push(format!("and {rest} more: `stratbox validate` lists them"));
    }
    lines.join("\n")
}

/// One line that fits an HTTP header.
fn warning(text: &str) -> String {
    clean(&text.replace(['\n', '\t'], " "), WARNING)
}

/// The answer in the API server's form.
pub(super) fn write(uid: &str, answer: &Answer) -> String {
    let mut response = serde_json::json!({"uid": uid, "allowed": answer.verdict.allows()});
    if !answer.verdict.allows() {
        response["status"] = serde_json::json!({"status": "Failure", "code": 422, "reason": "Invalid", "message": answer.message});
    }
    if !answer.warnings.is_empty() {
        response["warnings"] = serde_json::json!(answer.warnings);
    }
    serde_json::json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response})
        .to_string()
}
