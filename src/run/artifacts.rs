//! Artifacts: from pieces on a line to one ConfigMap that goes with its run.

use super::observed::Observed;
use crate::crd::ArtifactStatus;
use crate::sandbox::{artifacts_name, owner};
use crate::wire::{ArtifactHead, ArtifactKind, ArtifactPiece, MAX_ARTIFACTS, MAX_PIECE, sha256_hex};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::ResourceExt as _;
use kube::api::ObjectMeta;

/// One artifact, whole and as its head has announced it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Which one.
    pub kind: ArtifactKind,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// What they hash to.
    pub sha256: String,
}

/// Artifacts that are being received. Nothing in a piece is believed beyond what the heads have announced.
#[derive(Debug)]
pub struct Assembly {
    heads: Vec<ArtifactHead>,
    parts: Vec<Vec<u8>>,
}

/// A piece that does not fit: nothing that comes after it can be trusted to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Misfit {
    /// The heads are too large together, or announce one kind twice.
    #[error("artifacts are announced that cannot be")]
    Announced,
    /// Of a kind that was not announced, or not where the last piece ended, or beyond the end.
    #[error("a piece is out of place")]
    Place,
    /// No base64, or too long.
    #[error("a piece is malformed")]
    Malformed,
    /// The bytes do not hash to what was announced.
    #[error("an artifact does not match its hash")]
    Hash,
}

impl Assembly {
    /// Waits for what the report announces; a size of 0 says that it will not come.
    ///
    /// # Errors
    /// More than a ConfigMap can hold, or one kind twice.
    pub fn new(heads: &[ArtifactHead]) -> Result<Self, Misfit> {
        let heads: Vec<ArtifactHead> = heads.iter().filter(|head| head.bytes > 0).cloned().collect();
        let sum: u64 = heads.iter().map(|head| u64::from(head.bytes)).sum();
        let twice =
            heads.iter().enumerate().any(|(at, head)| heads[..at].iter().any(|one| one.kind == head.kind));
        if twice || sum > MAX_ARTIFACTS as u64 {
            return Err(Misfit::Announced);
        }
        Ok(Self { parts: vec![Vec::new(); heads.len()], heads })
    }

    /// Whether everything is there.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.heads.iter().zip(&self.parts).all(|(head, part)| part.len() as u64 == u64::from(head.bytes))
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// One that does not continue what is there.
    pub fn take(&mut self, piece: &ArtifactPiece) -> Result<(), Misfit> {
        let at = self.heads.iter().position(|head| head.kind == piece.kind).ok_or(Misfit::Place)?;
        let (head, part) = (&self.heads[at], &mut self.parts[at]);
        if piece.data.len() > MAX_PIECE.div_ceil(3) * 4 {
            return Err(Misfit::Malformed);
        }
        let bytes = STANDARD.decode(&piece.data).map_err(|_| Misfit::Malformed)?;
        let end = part.len() as u64 + bytes.len() as u64;
        if bytes.is_empty() || u64::from(piece.offset) != part.len() as u64 || end > u64::from(head.bytes) {
            return Err(Misfit::Place);
        }
        part.extend(bytes);
        Ok(())
    }

    /// The artifacts, once all are there.
    ///
    /// # Errors
    /// One of them is not what was announced.
    pub fn finish(self) -> Result<Vec<Artifact>, Misfit> {
        self.heads
            .into_iter()
            .zip(self.parts)
            .map(|(head, bytes)| {
                let sha256 = sha256_hex(&bytes);
                if sha256 == head.sha256 {
                    Ok(Artifact { kind: head.kind, bytes, sha256 })
                } else {
                    Err(Misfit::Hash)
                }
            })
            .collect()
    }
}

const fn key(kind: ArtifactKind) -> &'static str {
    match kind {
        ArtifactKind::EquityCurve => "equity-curve.csv.gz",
        ArtifactKind::Trades => "trades.csv.gz",
    }
}

/// The ConfigMap that holds the artifacts, and what the status says of it. None without any.
pub(super) fn build(
    observed: &Observed<'_>,
    artifacts: &[Artifact],
) -> Option<(ConfigMap, Vec<ArtifactStatus>)> {
    let wanted: Vec<&Artifact> =
        artifacts.iter().filter(|artifact| observed.run.spec.artifacts.contains(&artifact.kind)).collect();
    if wanted.is_empty() {
        return None;
    }
    let owner = owner(observed.run)?;
    let name =
        artifacts_name(&observed.run.name_any(), observed.run.metadata.uid.as_deref().unwrap_or_default());
    let statuses = wanted
        .iter()
        .map(|artifact| ArtifactStatus {
            name: artifact.kind,
            config_map: name.clone(),
            key: key(artifact.kind).to_owned(),
            sha256: artifact.sha256.clone(),
        })
        .collect();
    let data = wanted
        .iter()
        .map(|artifact| (key(artifact.kind).to_owned(), ByteString(artifact.bytes.clone())))
        .collect();
    let map = ConfigMap {
        metadata: ObjectMeta {
            name: Some(name),
            namespace: observed.run.namespace(),
            labels: Some(crate::sandbox::managed_labels()),
            owner_references: Some(vec![owner]),
            ..ObjectMeta::default()
        },
        binary_data: Some(data),
        ..ConfigMap::default()
    };
    Some((map, statuses))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(kind: ArtifactKind, bytes: &[u8]) -> ArtifactHead {
        ArtifactHead { kind, bytes: u32::try_from(bytes.len()).unwrap(), sha256: sha256_hex(bytes) }
    }

    fn piece(kind: ArtifactKind, offset: usize, bytes: &[u8]) -> ArtifactPiece {
        ArtifactPiece { kind, offset: u32::try_from(offset).unwrap(), data: STANDARD.encode(bytes) }
    }

    const CURVE: ArtifactKind = ArtifactKind::EquityCurve;
    const TRADES: ArtifactKind = ArtifactKind::Trades;

    #[test]
    fn pieces_in_order_become_what_was_announced() {
        let (curve, trades) = (vec![7; 20_000], b"trades".to_vec());
        let mut assembly = Assembly::new(&[head(CURVE, &curve), head(TRADES, &trades)]).unwrap();
        for (at, part) in curve.chunks(MAX_PIECE).enumerate() {
            assert!(!assembly.is_complete());
            assembly.take(&piece(CURVE, at * MAX_PIECE, part)).unwrap();
        }
        assembly.take(&piece(TRADES, 0, &trades)).unwrap();
        assert!(assembly.is_complete());
        let whole = assembly.finish().unwrap();
        assert_eq!((&whole[0].bytes, &whole[1].bytes), (&curve, &trades));
    }

    #[test]
    fn what_was_too_large_to_be_sent_is_not_waited_for() {
        let none = ArtifactHead { kind: TRADES, bytes: 0, sha256: String::new() };
        let assembly = Assembly::new(&[none]).unwrap();
        assert!(assembly.is_complete());
        assert_eq!(assembly.finish(), Ok(Vec::new()));
    }

    #[test]
    fn anything_else_is_refused() {
        let bytes = b"0123456789";
        let start = || Assembly::new(&[head(CURVE, bytes)]).unwrap();
        for (wrong, misfit) in [
            (piece(TRADES, 0, bytes), Misfit::Place),
            (piece(CURVE, 1, bytes), Misfit::Place),
            (piece(CURVE, 0, b"0123456789a"), Misfit::Place),
            (piece(CURVE, 0, b""), Misfit::Place),
            (ArtifactPiece { data: "*".into(), ..piece(CURVE, 0, b"") }, Misfit::Malformed),
            (piece(CURVE, 0, &[0; MAX_PIECE + 3]), Misfit::Malformed),
        ] {
            assert_eq!(start().take(&wrong), Err(misfit), "{wrong:?}");
        }
        let mut other = start();
        other.take(&piece(CURVE, 0, b"012345678X")).unwrap();
        assert_eq!(other.finish(), Err(Misfit::Hash));
        let mut twice = start();
        twice.take(&piece(CURVE, 0, bytes)).unwrap();
        assert_eq!(twice.take(&piece(CURVE, 0, bytes)), Err(Misfit::Place));
        let large = ArtifactHead { kind: TRADES, bytes: u32::MAX, sha256: String::new() };
        assert_eq!(Assembly::new(&[head(CURVE, bytes), large]).unwrap_err(), Misfit::Announced);
        assert_eq!(Assembly::new(&[head(CURVE, bytes), head(CURVE, bytes)]).unwrap_err(), Misfit::Announced);
    }
}
