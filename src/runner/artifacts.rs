//! What a run leaves beside its metrics: the equity curve and the list of trades, as gzip of CSV.
//!
//! The same scores give the same bytes: the gzip header has no time and no name.

use std::io::{self, Write};

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};

use super::data::Slice;
use crate::score::Score;
use crate::wire::{ArtifactHead, ArtifactKind, ArtifactPiece, MAX_ARTIFACTS, MAX_PIECE, sha256_hex};

/// One artifact; empty when it would have been too large.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Artifact {
    kind: ArtifactKind,
    bytes: Vec<u8>,
}

impl Artifact {
    /// How the report announces it.
    pub(super) fn head(&self) -> ArtifactHead {
        // At most MAX_ARTIFACTS.
        let bytes = u32::try_from(self.bytes.len()).unwrap_or(0);
        ArtifactHead { kind: self.kind, bytes, sha256: sha256_hex(&self.bytes) }
    }

    /// Its pieces in order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = ArtifactPiece> {
        (0..).step_by(MAX_PIECE).zip(self.bytes.chunks(MAX_PIECE)).map(|(offset, bytes)| ArtifactPiece {
            kind: self.kind,
            offset,
            data: base64(bytes),
        })
    }
}

/// Writes what is asked for, in that order. One that does not fit beside those before it is left empty; of a list of
/// millions of trades no more is made than would fit.
pub(super) fn write(
    asked: &[ArtifactKind],
    score: &Score,
    slice: &Slice<'_>,
    initial_cash: f64,
) -> Vec<Artifact> {
    let mut room = MAX_ARTIFACTS;
    let mut artifacts: Vec<Artifact> = Vec::new();
    for &kind in asked {
        if artifacts.iter().any(|written| written.kind == kind) {
            continue;
        }
        let bytes = compressed(room, |csv| match kind {
            ArtifactKind::EquityCurve => write_equity(csv, score, slice, initial_cash),
            ArtifactKind::Trades => write_trades(csv, score, slice),
        });
        // Only for want of room: nothing else can fail in memory.
        let bytes = bytes.unwrap_or_default();
        room -= bytes.len();
        artifacts.push(Artifact { kind, bytes });
    }
    artifacts
}

/// A date a row; money to the hundredth.
fn write_equity(csv: &mut impl Write, score: &Score, slice: &Slice<'_>, initial_cash: f64) -> io::Result<()> {
    writeln!(csv, "date,return,equity")?;
    for ((date, net), equity) in slice.dates.iter().zip(&score.returns).zip(&score.equity) {
        writeln!(csv, "{date},{net:.10},{:.6}", equity * initial_cash)?;
    }
    Ok(())
}

/// A closed round trip a row, in the order of their ends.
fn write_trades(csv: &mut impl Write, score: &Score, slice: &Slice<'_>) -> io::Result<()> {
    writeln!(csv, "symbol,opened,closed,holdingDays,pnl")?;
    for trade in &score.trades {
        let (opened, closed) = (slice.dates[trade.opened], slice.dates[trade.closed]);
        let symbol = &slice.symbols[trade.symbol];
        writeln!(csv, "{symbol},{opened},{closed},{},{:.10}", trade.holding_days, trade.pnl)?;
    }
    Ok(())
}

/// What `write` writes, compressed; an error as soon as that is more than `room` bytes.
fn compressed<'a>(
    room: usize,
    write: impl FnOnce(&mut GzEncoder<Bounded>) -> io::Result<()> + 'a,
) -> io::Result<Vec<u8>> {
    let bounded = Bounded { bytes: Vec::new(), room };
    let mut encoder = GzBuilder::new().mtime(0).write(bounded, Compression::default());
    write(&mut encoder)?;
    Ok(encoder.finish()?.bytes)
}

/// Bytes up to a limit.
struct Bounded {
    bytes: Vec<u8>,
    room: usize,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > self.room {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// RFC 4648 with padding: fifteen lines instead of a dependency of a process that is to have few.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_usize, |group, &byte| group << 8 | usize::from(byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let is_padding = place > chunk.len();
            text.push(if is_padding { '=' } else { ALPHABET[group >> (18 - 6 * place) & 63].into() });
        }
    }
    text
}

/// Both artifacts, for tests; as large as they get.
#[cfg(test)]
pub(super) fn example() -> Vec<Artifact> {
    [ArtifactKind::EquityCurve, ArtifactKind::Trades]
        .map(|kind| Artifact { kind, bytes: vec![0; MAX_ARTIFACTS / 2] })
        .into()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;
    use crate::runner::data::Dataset;
    use crate::score::{self, Market, Side, Trade};
    use crate::wire::{MAX_OUTBOUND_LINE, Outbound, Run};

    const BOTH: [ArtifactKind; 2] = [ArtifactKind::EquityCurve, ArtifactKind::Trades];

    fn unpacked(artifact: &Artifact) -> String {
        let mut text = String::new();
        flate2::read::GzDecoder::new(artifact.bytes.as_slice())
            .read_to_string(&mut text)
            .expect("gzip of text");
        text
    }

    /// Two dates held, then sold.
    fn scored(slice: &Slice<'_>) -> Score {
        let closes = slice.closes();
        let market = Market::new(&slice.dates, &slice.symbols, &closes).expect("a market");
        let (execution, trials) = (score::Execution::default(), score::Trials::default());
        score::score(&market, &[1.0, 1.0, 0.0, 0.0], &execution, None, &trials).expect("a score")
    }

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
        assert_eq!(base64(&[0xff, 0xfe, 0xfd, 0xfb]), "//79+w==");
    }

    #[test]
    fn curve_and_trades_are_what_was_scored() {
        let dataset = Dataset::example(4);
        let slice = Slice::new(&dataset, &Run::example().dataset, None).expect("a slice");
        let scored = scored(&slice);
        let artifacts = write(&BOTH, &scored, &slice, 1000.0);
        assert_eq!(
            unpacked(&artifacts[0]),
            "date,return,equity\n2024-01-01,0.0000000000,1000.000000\n2024-01-02,0.0100000000,1010.000000\n\
             2024-01-03,0.0099009901,1020.000000\n2024-01-04,0.0000000000,1020.000000\n"
        );
        assert_eq!(
            unpacked(&artifacts[1]),
            "symbol,opened,closed,holdingDays,pnl\nAAPL,2024-01-02,2024-01-04,2,0.0199009901\n"
        );
        assert_eq!(write(&BOTH, &scored, &slice, 1000.0), artifacts);
        // The header of RFC 1952: no time, no name.
        assert_eq!(artifacts[0].bytes[..8], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]);
        let head = artifacts[0].head();
        assert_eq!(
            (head.bytes as usize, head.sha256),
            (artifacts[0].bytes.len(), sha256_hex(&artifacts[0].bytes))
        );
    }

    #[test]
    fn what_does_not_fit_is_left_out_and_said_to_be() {
        let dataset = Dataset::example(4);
        let slice = Slice::new(&dataset, &Run::example().dataset, None).expect("a slice");
        let trades = (0..200_000_u32).map(|number| Trade {
            symbol: 0,
            side: Side::Long,
            opened: 1,
            closed: 2,
            holding_days: 1,
            pnl: f64::from(number.wrapping_mul(2_654_435_761)) / 1e9,
        });
        let scored = Score { trades: trades.collect(), ..scored(&slice) };
        let artifacts = write(&[ArtifactKind::Trades, ArtifactKind::EquityCurve], &scored, &slice, 1.0);
        let head = artifacts[0].head();
        assert_eq!((head.kind, head.bytes, head.sha256), (ArtifactKind::Trades, 0, sha256_hex(b"")));
        assert_eq!(artifacts[0].pieces().count(), 0);
        assert!(artifacts[1].head().bytes > 0);
    }

    #[test]
    fn pieces_fit_a_line_and_cover_the_whole() {
        let artifact = Artifact { kind: ArtifactKind::EquityCurve, bytes: vec![7; 3 * MAX_PIECE + 1] };
        let pieces: Vec<_> = artifact.pieces().collect();
        let offsets: Vec<_> = pieces.iter().map(|piece| piece.offset as usize / MAX_PIECE).collect();
        assert_eq!(offsets, [0, 1, 2, 3]);
        assert!(
            pieces.iter().all(|piece| Outbound::Artifact(piece.clone()).to_line().len() <= MAX_OUTBOUND_LINE)
        );
        assert_eq!(pieces.iter().map(|piece| piece.data.len()).sum::<usize>(), 3 * MAX_PIECE / 3 * 4 + 4);
    }
}
