//! The webhook's certificate: made here or read from a folder, and handed to whoever connects.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

/// How far the clock of an API server may be behind ours.
const SKEW: Duration = Duration::from_mins(5);

/// Why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub(super) enum CertificateError {
    /// Keys or certificates of our own.
    #[error("failed to make a certificate")]
    Make(#[from] rcgen::Error),
    /// Not a certificate with its key.
    #[error("failed to use the certificate")]
    Use(#[from] rustls::Error),
    /// A file that is not there yet, or not for us.
    #[error("failed to read {0}")]
    Read(PathBuf, #[source] std::io::Error),
    /// A file with something else in it.
    #[error("failed to read {0} as PEM")]
    Decode(PathBuf, #[source] rustls::pki_types::pem::Error),
}

/// A certificate of our own and the authority that vouches for it.
pub(super) struct Made {
    /// What is served.
    pub(super) certified: CertifiedKey,
    /// The authority's certificate as PEM, for those who connect. Its key is gone: it signs once.
    pub(super) authority: String,
    /// When the certificate is to be replaced: two thirds of its life are over.
    pub(super) renewal: SystemTime,
}

/// Makes an authority and a certificate of it for that name.
///
/// # Errors
/// A name that cannot be, or no random numbers.
pub(super) fn make(name: &str, lifetime: Duration, now: SystemTime) -> Result<Made, CertificateError> {
    let (from, until) = (now - SKEW, now + lifetime);
    let mut authority = CertificateParams::default();
    authority.distinguished_name.push(DnType::CommonName, "stratbox webhook CA");
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    (authority.not_before, authority.not_after) = (from.into(), until.into());
    let authority_key = KeyPair::generate()?;
    let authority_certificate = authority.self_signed(&authority_key)?;

    let mut leaf = CertificateParams::new([name.to_owned()])?;
    leaf.distinguished_name.push(DnType::CommonName, "stratbox webhook");
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    // Two authorities of one name stand in the bundle while one replaces the other: this says which is meant.
    leaf.use_authority_key_identifier_extension = true;
    (leaf.not_before, leaf.not_after) = (from.into(), until.into());
    let leaf_key = KeyPair::generate()?;
    let leaf_certificate = leaf.signed_by(&leaf_key, &Issuer::new(authority, authority_key))?;

    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der()));
    let certified = CertifiedKey::from_der(vec![leaf_certificate.der().clone()], key, &default_provider())?;
    Ok(Made { certified, authority: authority_certificate.pem(), renewal: now + lifetime / 3 * 2 })
}

/// The bytes of a folder's `tls.crt` and `tls.key`, as in a secret of type `kubernetes.io/tls`.
#[derive(PartialEq, Eq)]
pub(super) struct Files {
    chain: Vec<u8>,
    key: Vec<u8>,
}

/// Reads a folder's certificate and key. Blocks, for as long as two small files take.
///
/// # Errors
/// A file is not there.
pub(super) fn read(folder: &Path) -> Result<Files, CertificateError> {
    let file = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|error| CertificateError::Read(path, error))
    };
    Ok(Files { chain: file("tls.crt")?, key: file("tls.key")? })
}

impl Files {
    /// What is served of them.
    ///
    /// # Errors
    /// Not PEM, or a key of another certificate: half of a change.
    pub(super) fn certified(&self, folder: &Path) -> Result<CertifiedKey, CertificateError> {
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.chain)
            .collect::<Result<_, _>>()
            .map_err(|error| CertificateError::Decode(folder.join("tls.crt"), error))?;
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|error| CertificateError::Decode(folder.join("tls.key"), error))?;
        Ok(CertifiedKey::from_der(chain, key, &default_provider())?)
    }
}

/// The certificate that is served now; none at first, and then nobody can connect.
#[derive(Debug, Default)]
pub(super) struct Served {
    current: RwLock<Option<Arc<CertifiedKey>>>,
}

impl Served {
    /// Serves another one from now on.
    pub(super) fn replace(&self, certified: CertifiedKey) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(certified));
    }
}

impl ResolvesServerCert for Served {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// TLS as the webhook speaks it: 1.3, HTTP/1.1, and nothing to resume, as every connection is for one review.
///
/// # Errors
/// Never with this provider, which has TLS 1.3.
pub(super) fn server_config(served: Arc<Served>) -> Result<ServerConfig, CertificateError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(served);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config)
}
