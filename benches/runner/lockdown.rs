//! What Landlock and stage 2 cost an evaluation: two interpreters, one locked down as in a sandbox and one not, in turns.
//!
//! The runner cannot leave either out, so this speaks to `loop.py` itself, with the runner's own filter or one that allows
//! everything.

use crate::Line;
use crate::interpreter::Interpreter;

/// Milliseconds.
const TARGET: f64 = 5.0;
/// An evaluation takes milliseconds: more of them than of whole runs.
const ROUNDS: usize = 10;

pub(crate) fn measure(iterations: usize) -> Vec<Line> {
    let mut locked = Interpreter::start(true);
    let mut open = Interpreter::start(false);
    let (mut with, mut without) = (Vec::new(), Vec::new());
    // The first of each pays for what is loaded lazily.
    locked.evaluate();
    open.evaluate();
    for _ in 0..iterations * ROUNDS {
        with.push(locked.evaluate());
        without.push(open.evaluate());
    }
    let (with, without) = (
        Line::new("evaluation of 750 dates with Landlock and stage 2", "ms", with),
        Line::new("  the same without", "ms", without),
    );
    let cost = Line::new("  cost of both, median less median", "ms", vec![with.median() - without.median()])
        .against(TARGET);
    vec![with, without, cost]
}
