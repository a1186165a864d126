//! What a run gains by evaluations that were forked before it came: two fresh interpreters in turns, one of which was told
//! that orders will come. The first evaluation is what a run without checks waits for, all of them what one with the usual
//! checks does.

use std::thread;
use std::time::Duration;

use crate::Line;
use crate::interpreter::Interpreter;

/// As long as nobody has a run for a sandbox that waits, at least: what is done ahead is done by then.
const IDLE: Duration = Duration::from_millis(500);

/// With the usual checks.
const ALL: usize = 8;

pub(crate) fn measure(iterations: usize) -> Vec<Line> {
    [(1, "first evaluation"), (ALL, "eight evaluations")]
        .into_iter()
        .flat_map(|(count, name)| compare(iterations, count, name))
        .collect()
}

fn compare(iterations: usize, count: usize, name: &str) -> [Line; 3] {
    let (mut ahead, mut at_once) = (Vec::new(), Vec::new());
    for _ in 0..iterations {
        for (is_ahead, times) in [(true, &mut ahead), (false, &mut at_once)] {
            let mut interpreter = Interpreter::start(true);
            for _ in 0..if is_ahead { count } else { 0 } {
                interpreter.fork_ahead();
            }
            thread::sleep(IDLE);
            times.push((0..count).map(|_| interpreter.evaluate()).sum());
        }
    }
    let ahead = Line::new(format!("{name}, forked ahead of the order"), "ms", ahead);
    let at_once = Line::new("  forked on the order", "ms", at_once);
    let ratio = ahead.median() / at_once.median();
    [ahead, at_once, Line::new("  ahead / on the order, median by median", "", vec![ratio])]
}
