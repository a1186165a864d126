//! Artifacts as the operator gets them: in pieces, after the report.

use std::io::Read as _;
use std::time::Duration;

use stratbox::wire::{ArtifactKind, ArtifactPiece, Outbound, sha256_hex};

use crate::support::{DATES, Sandbox, outcome, run};

/// In on every odd date.
const EVERY_OTHER: &str =
    "import numpy as np\ndef strategy(data):\n    return data['close'] * 0 + np.arange(len(data)) % 2\n";

/// The bytes of base64 with padding.
fn decoded(text: &str) -> Vec<u8> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => panic!("{byte} in base64"),
    };
    let digits: Vec<u8> = text.trim_end_matches('=').bytes().map(value).collect();
    let group = |chunk: &[u8]| {
        let bits =
            chunk.iter().fold(0_u32, |bits, &digit| bits << 6 | u32::from(digit)) << (6 * (4 - chunk.len()));
        bits.to_be_bytes()[1..chunk.len()].to_vec()
    };
    digits.chunks(4).flat_map(group).collect()
}

#[test]
fn curve_and_trades_follow_the_report_in_pieces() {
    let mut asked = run(EVERY_OTHER);
    asked.execution.initial_cash = 5000.0;
    asked.artifacts = vec![ArtifactKind::EquityCurve, ArtifactKind::Trades];
    let mut sandbox = Sandbox::ready();
    sandbox.send(asked.clone());
    let report = sandbox.report(&asked);
    assert_eq!(report.artifacts.len(), 2);
    let mut texts = Vec::new();
    for head in &report.artifacts {
        let mut bytes = Vec::new();
        while bytes.len() < head.bytes as usize {
            let piece: ArtifactPiece = sandbox.until(|frame| match frame {
                Outbound::Artifact(piece) => Some(piece),
                _ => panic!("{frame:?} between pieces"),
            });
            assert_eq!((piece.kind, piece.offset as usize), (head.kind, bytes.len()));
            bytes.extend(decoded(&piece.data));
        }
        assert_eq!(sha256_hex(&bytes), head.sha256);
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("gzip of text");
        texts.push(text);
    }
    assert_eq!(texts[0].lines().count(), DATES + 1);
    let last: f64 = texts[0]
        .lines()
        .last()
        .and_then(|row| row.rsplit(',').next())
        .and_then(|cell| cell.parse().ok())
        .expect("equity");
    let metrics = report.metrics.expect("metrics");
    let expected = 5000.0 * (1.0 + metrics.total_return.expect("a return"));
    assert!((last - expected).abs() < 0.02, "{last} is not {expected}");
    assert_eq!(texts[1].lines().count() as u64, metrics.trades.expect("trades") + 1);
    assert!(
        texts[1].starts_with("symbol,opened,closed,holdingDays,pnl\nAAPL,2020-01-03,2020-01-06,1,0."),
        "{}",
        &texts[1][..120]
    );
    let ended = sandbox.ended();
    assert_eq!(ended.code, Some(0));
    assert!(ended.after_report.is_some_and(|after| after < Duration::from_secs(1)), "{ended:?}");
}

#[test]
fn what_is_not_asked_for_is_not_sent() {
    assert_eq!(outcome(&run(EVERY_OTHER)).artifacts, []);
}
