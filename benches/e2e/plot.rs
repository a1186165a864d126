//! Every single value as a dot, on one logarithmic axis: `target/bench/e2e.svg`.

use super::figures::Figures;
use crate::support::root;
use std::fmt::Write as _;
use std::path::PathBuf;

const WIDTH: f64 = 960.0;
/// Where the axis begins, behind the names.
const LEFT: f64 = 330.0;
const ROW: f64 = 28.0;
const TOP: f64 = 40.0;
/// Milliseconds at both ends of the axis.
const ENDS: [f64; 2] = [1.0, 10_000.0];

/// Draws the rows; a row's median is a bar.
pub(crate) fn draw(rows: &[(&'static str, Figures)]) -> Result<PathBuf, String> {
    let path = root().join("target/bench/e2e.svg");
    std::fs::write(&path, svg(rows)).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(path)
}

fn x(milliseconds: f64) -> f64 {
    let [least, most] = ENDS.map(f64::log10);
    let share = (milliseconds.clamp(ENDS[0], ENDS[1]).log10() - least) / (most - least);
    LEFT + share * (WIDTH - LEFT - 20.0)
}

fn svg(rows: &[(&'static str, Figures)]) -> String {
    let count = u32::try_from(rows.len()).map_or(0.0, f64::from);
    let bottom = TOP + ROW * count;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"10\" y=\"20\">milliseconds; a dot is a run, a bar the median</text>\n",
        bottom + 40.0
    );
    for tick in [1.0, 10.0, 100.0, 1_000.0, 10_000.0] {
        let at = x(tick);
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\" stroke=\"#ddd\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{tick}</text>",
            bottom + 20.0
        );
    }
    let mut middle = TOP + ROW / 2.0;
    for (name, figures) in rows {
        let _ = writeln!(text, "<text x=\"10\" y=\"{}\">{name}</text>", middle + 4.0);
        for value in figures.values() {
            let _ = writeln!(
                text,
                "<circle cx=\"{:.1}\" cy=\"{middle}\" r=\"3\" fill=\"#36c\" fill-opacity=\"0.35\"/>",
                x(*value)
            );
        }
        if let Some(median) = figures.p50() {
            let at = x(median);
            let _ = writeln!(
                text,
                "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{}\" y2=\"{}\" stroke=\"#c30\" stroke-width=\"3\"/>",
                middle - 9.0,
                middle + 9.0
            );
        }
        middle += ROW;
    }
    text + "</svg>\n"
}
