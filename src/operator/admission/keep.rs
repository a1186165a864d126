//! Keeps the webhook's certificate fresh, and those who connect able to trust it.
//!
//! A certificate of our own lives in this process's memory: a new one is made at every start and long before it expires,
//! and only the authority's certificate leaves the process, into the webhook's configuration. So there is no secret, and
//! nothing that a restart could find stale. With one replica there is nobody to share it with.

use super::certificate::{self, CertificateError, Files, Made, Served};
use super::{CertificateSource, Error};
use crate::operator::error::{chain, within};
use crate::sandbox::MANAGER_WEBHOOK;
use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::api::{Patch, PatchParams};
use kube::{Api, Client, Resource as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// How often configuration or files are looked at: somebody may have replaced them.
const LOOK: Duration = Duration::from_secs(10);
/// How soon again after a failure.
const RETRY: Duration = Duration::from_secs(2);
/// How long API servers may take to hear of a new bundle; until then the old certificate is served.
const PROPAGATION: Duration = Duration::from_secs(5);

/// Never returns. `ready` is called when the first certificate can be connected to.
pub(super) async fn keep(
    client: &Client,
    source: &CertificateSource,
    served: &Served,
    ready: impl Fn() + Sync,
) {
    match source {
        CertificateSource::Own { name, configuration, lifetime } => {
            let configurations = Api::all(client.clone());
            let own = Own { name, configuration, lifetime: *lifetime, configurations };
            own.keep(served, ready).await;
        }
        CertificateSource::Folder(folder) => follow(folder, served, ready).await,
    }
}

/// How to make certificates and whom to tell.
struct Own<'a> {
    name: &'a str,
    configuration: &'a str,
    lifetime: Duration,
    configurations: Api<ValidatingWebhookConfiguration>,
}

impl Own<'_> {
    async fn keep(&self, served: &Served, ready: impl Fn()) {
        let mut made = self.make().await;
        let mut bundle = made.authority.clone();
        served.replace(made.certified);
        self.publish(&bundle).await;
        ready();
        loop {
            while let Ok(left) = made.renewal.duration_since(SystemTime::now()) {
                tokio::time::sleep(left.min(LOOK)).await;
                self.publish(&bundle).await;
            }
            // Both are trusted before the new certificate is served, and until the one after it comes.
            let next = self.make().await;
            bundle = format!("{}{}", next.authority, made.authority);
            self.publish(&bundle).await;
            tokio::time::sleep(PROPAGATION).await;
            made = next;
            served.replace(made.certified.clone());
            tracing::info!("the webhook has a new certificate");
        }
    }

    async fn make(&self) -> Made {
        loop {
            match certificate::make(self.name, self.lifetime, SystemTime::now()) {
                Ok(made) => return made,
                Err(error) => tracing::error!(error = chain(&error), "the webhook has no certificate"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Sees to it that the configuration has this bundle, however long that takes: it may not be there yet.
    async fn publish(&self, bundle: &str) {
        while let Err(error) = self.try_publish(bundle).await {
            tracing::warn!(
                configuration = self.configuration,
                error = chain(&error),
                "API servers cannot trust the webhook yet"
            );
            tokio::time::sleep(RETRY).await;
        }
    }

    /// Writes the bundle if it is not there: the only field of the object that is ours.
    async fn try_publish(&self, bundle: &str) -> Result<(), Error> {
        let there =
            within(self.configurations.get(self.configuration)).await.map_err(Error::ReadConfiguration)?;
        let webhooks = there.webhooks.unwrap_or_default();
        let has =
            |known: &Option<ByteString>| known.as_ref().is_some_and(|known| known.0 == bundle.as_bytes());
        if webhooks.iter().all(|webhook| has(&webhook.client_config.ca_bundle)) {
            return Ok(());
        }
        let encoded = ByteString(bundle.as_bytes().to_vec());
        let webhooks: Vec<_> = webhooks
            .iter()
            .map(|webhook| serde_json::json!({"name": webhook.name, "clientConfig": {"caBundle": encoded}}))
            .collect();
        let patch = serde_json::json!({
            "apiVersion": ValidatingWebhookConfiguration::api_version(&()),
            "kind": ValidatingWebhookConfiguration::kind(&()),
            // As it was looked at: one that was removed meanwhile is not made again by this.
            "metadata": {"name": self.configuration, "resourceVersion": there.metadata.resource_version},
            "webhooks": webhooks,
        });
        let params = PatchParams::apply(MANAGER_WEBHOOK).force();
        within(self.configurations.patch(self.configuration, &params, &Patch::Apply(&patch)))
            .await
            .map(|_| tracing::info!(configuration = self.configuration, "API servers can trust the webhook"))
            .map_err(Error::PatchConfiguration)
    }
}

/// Serves what is in a folder, and again when it has changed.
async fn follow(folder: &Path, served: &Served, ready: impl Fn()) {
    let mut current = None;
    loop {
        match look(folder, &mut current, served) {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!(folder = %folder.display(), "the webhook has a new certificate");
                ready();
            }
            Err(error) => tracing::warn!(error = chain(&error), "the webhook has no new certificate"),
        }
        tokio::time::sleep(if current.is_some() { LOOK } else { RETRY }).await;
    }
}

/// Takes what is in the folder if it is another certificate than the current one. One that cannot be used leaves that
/// in place.
pub(super) fn look(
    folder: &Path,
    current: &mut Option<Files>,
    served: &Served,
) -> Result<bool, CertificateError> {
    let files = certificate::read(folder)?;
    if current.as_ref() == Some(&files) {
        return Ok(false);
    }
    served.replace(files.certified(folder)?);
    *current = Some(files);
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{Method, Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};
    use std::sync::{Arc, Mutex};

    /// What the object's API is asked to change, when it says that it has this bundle.
    async fn patches(bundle: Option<&str>) -> Vec<(String, Value)> {
        let bundle = bundle.map(|bundle| serde_json::to_value(ByteString(bundle.into())).unwrap());
        let heard = Arc::new(Mutex::new(Vec::new()));
        let log = heard.clone();
        let service = tower::service_fn(move |request: Request<Body>| {
            let (log, bundle) = (log.clone(), bundle.clone());
            async move {
                let query = request.uri().to_string();
                if request.method() == Method::PATCH {
                    let body = request.into_body().collect_bytes().await?;
                    log.lock().unwrap().push((query, serde_json::from_slice(&body)?));
                }
                let client = json!({"caBundle": bundle, "service": {"name": "s", "namespace": "n"}});
                let answer = json!({"metadata": {"name": "c", "resourceVersion": "7"}, "webhooks": [
                    {"name": "a.b.c", "clientConfig": client, "admissionReviewVersions": ["v1"], "sideEffects": "None"}]});
                Ok::<_, tower::BoxError>(Response::new(Body::from(answer.to_string().into_bytes())))
            }
        });
        let configurations = Api::all(Client::new(service, "default"));
        let own = Own { name: "s.n.svc", configuration: "c", lifetime: LOOK, configurations };
        own.try_publish("the bundle").await.unwrap();
        heard.lock().unwrap().clone()
    }

    #[tokio::test]
    async fn the_bundle_is_written_where_it_is_not_and_nothing_else_ever() {
        assert!(patches(Some("the bundle")).await.is_empty());
        for there in [None, Some(""), Some("another")] {
            let heard = patches(there).await;
            assert_eq!(heard.len(), 1, "{there:?}");
            let (query, patch) = &heard[0];
            assert!(query.contains("/validatingwebhookconfigurations/c?"), "{query}");
            assert!(query.contains("fieldManager=stratbox%2Fwebhook"), "{query}");
            let encoded = serde_json::to_value(ByteString(b"the bundle".to_vec())).unwrap();
            assert_eq!(
                *patch,
                json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration",
                    "metadata": {"name": "c", "resourceVersion": "7"},
                    "webhooks": [{"name": "a.b.c", "clientConfig": {"caBundle": encoded}}]})
            );
        }
    }
}
