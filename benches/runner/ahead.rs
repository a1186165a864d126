//! What a run gains by an evaluation that was forked before it came: two fresh interpreters in turns, one of which was told
//! that an order will come.

use std::thread;
use std::time::Duration;

use crate::Line;
use crate::interpreter::Interpreter;

/// As long as nobody has a run for a sandbox that waits, at least: what is done ahead is done by then.
const IDLE: Duration = Duration::from_millis(500);

pub(crate) fn measure(iterations: usize) -> Vec<Line> {
    let (mut ahead, mut at_once) = (Vec::new(), Vec::new());
    for _ in 0..iterations {
        for (is_ahead, times) in [(true, &mut ahead), (false, &mut at_once)] {
            let mut interpreter = Interpreter::start(true);
            if is_ahead {
                interpreter.fork_ahead();
            }
            thread::sleep(IDLE);
            times.push(interpreter.evaluate());
        }
    }
    let (ahead, at_once) = (
        Line::new("first evaluation, forked ahead of its order", "ms", ahead),
        Line::new("  forked on its order", "ms", at_once),
    );
    let ratio =
        Line::new("  ahead / on its order, median by median", "", vec![ahead.median() / at_once.median()]);
    vec![ahead, at_once, ratio]
}
