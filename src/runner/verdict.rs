//! What an evaluation's end means: the outcome, and a message that says what to do next.

use crate::wire::{Layer, MAX_TAIL, Outcome, StrategyFault, cost, escaped, head, tail};

use super::evaluation::{End, Gone};
use super::output::Output;
use super::protocol::{ErrorKind, StrategyError, Written, read_written};

/// Longest message and class name in a report, in bytes of JSON text.
const MAX_MESSAGE: usize = 700;
const MAX_TYPE: usize = 100;

/// The signal of the kernel's own kills.
pub(super) const SIGKILL: i32 = 9;
const SIGSYS: i32 = 31;

/// Why a run has no metrics.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// Its name.
    pub(super) outcome: Outcome,
    /// Its story.
    pub(super) fault: StrategyFault,
}

impl Failure {
    /// One with nothing but a message.
    pub(super) fn new(outcome: Outcome, message: &str) -> Self {
        let message = head(&escaped(message), MAX_MESSAGE);
        Self { outcome, fault: StrategyFault { message, ..StrategyFault::default() } }
    }

    /// The same with the end of what was printed, after what stands in the tail already.
    pub(super) fn with_output(mut self, output: &Output) -> Self {
        // Half for the traceback, which says where; the rest for what was printed, which says why.
        let trace = tail(&self.fault.tail, MAX_TAIL / 2);
        let room = MAX_TAIL.saturating_sub(cost(trace));
        let (printed, _) = output.shown(room);
        let both = format!("{trace}{printed}");
        tail(&both, MAX_TAIL).clone_into(&mut self.fault.tail);
        self
    }
}

/// The limits that messages name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    /// `spec.activeDeadlineSeconds`.
    pub(super) deadline_seconds: u32,
    /// The memory limit in bytes.
    pub(super) memory: u64,
    /// Dates in the slice.
    pub(super) dates: usize,
    /// Symbols in the slice.
    pub(super) symbols: usize,
    /// Lines of the strategy: a line beyond them is an invention.
    pub(super) lines: usize,
}

/// Positions, or why there are none.
pub(super) fn positions(end: End, terms: &Terms) -> Result<Vec<f64>, Failure> {
    match end {
        End::Deadline => Err(deadline(terms)),
        End::NoMemory(left) => Err(Failure::new(
            Outcome::InvalidSpec,
            &format!(
                "spec.resources.limits.memory: of {} MiB only {} are left for the strategy beside the interpreter and the dataset: raise it",
                terms.memory >> 20,
                left >> 20
            ),
        )),
        End::Unlocked(reason) => Err(Failure::new(
            Outcome::IsolationMissing,
            &format!("{reason}, so the strategy was not run: the node's kernel may lack seccomp filters"),
        )),
        End::Unconfirmed => Err(missing(Layer::Stage2)),
        End::Gone(gone) => of_gone(&gone, terms),
    }
}

/// A layer that the class requires and that is not in force: the strategy was not called.
pub(super) fn missing(layer: Layer) -> Failure {
    let message = match layer {
        Layer::UserNamespace => {
            "UserNamespace: the sandbox runs in the node's own user namespace. Set userNamespaces: Require in the SandboxClass and let its nodeSelector name nodes whose runtime has user namespaces (status.runtimeHandlers[].features.userNamespaces)"
        }
        Layer::Landlock => {
            "Landlock: the sandbox's kernel has none. Let the SandboxClass's nodeSelector name nodes with Linux 5.13 or later and lsm=landlock among its boot parameters; gVisor has no Landlock"
        }
        Layer::Stage2 => {
            "Stage2: the sandbox's kernel does not show which filters are in force on an evaluation. Let the SandboxClass's nodeSelector name nodes with Linux 5.9 or later; gVisor does not show them"
        }
    };
    Failure::new(
        Outcome::IsolationMissing,
        &format!("{message}; or take it out of the class's require. The strategy was not called"),
    )
}

/// Not done in time.
pub(super) fn deadline(terms: &Terms) -> Failure {
    Failure::new(
        Outcome::DeadlineExceeded,
        &format!(
            "not done within {} s (spec.activeDeadlineSeconds): make the strategy faster, select fewer symbols or dates, or raise the deadline",
            terms.deadline_seconds
        ),
    )
}

fn of_gone(gone: &Gone, terms: &Terms) -> Result<Vec<f64>, Failure> {
    let signal = gone.status & 0x7f;
    let code = (gone.status >> 8) & 0xff;
    // First what the kernel says, then what the strategy says of itself.
    if signal == SIGSYS {
        return Err(Failure::new(
            Outcome::SandboxViolation,
            "the strategy made a system call that no strategy needs, and was killed: it may only compute",
        ));
    }
    if signal == SIGKILL && gone.oom {
        return Err(out_of_memory(terms));
    }
    if gone.too_much {
        return Err(Failure::new(
            Outcome::InvalidResult,
            "the strategy wrote more than its positions take: return a Series or DataFrame and write nothing else",
        ));
    }
    match read_written(&gone.written, terms.dates, terms.symbols) {
        Written::Positions(positions) => Ok(positions),
        Written::Error(error) => Err(of_error(&error, terms)),
        Written::Refused(reason) => Err(Failure::new(
            Outcome::InvalidResult,
            &format!(
                "what the strategy's process wrote {reason}: return a Series or DataFrame of target weights and leave descriptors alone"
            ),
        )),
        Written::Incomplete => Err(Failure::new(
            Outcome::StrategyError,
            &if signal == 0 {
                format!(
                    "the strategy ended its own process (exit code {code}) before it returned: return the positions instead"
                )
            } else {
                format!(
                    "the strategy's process was ended by {} before it returned: {}",
                    name(signal),
                    likely(signal)
                )
            },
        )),
    }
}

fn of_error(error: &StrategyError, terms: &Terms) -> Failure {
    let kind = head(&escaped(&error.r#type), MAX_TYPE);
    let line = error.line.filter(|&line| line >= 1 && line as usize <= terms.lines);
    let trace = escaped(&error.traceback);
    if error.kind == ErrorKind::Result {
        return Failure::new(Outcome::InvalidResult, &format!("the strategy {}", error.message));
    }
    let mut failure = if kind == "MemoryError" {
        out_of_memory(terms)
    } else {
        let fallback = "raised without a message: see its line";
        Failure::new(Outcome::StrategyError, if error.message.is_empty() { fallback } else { &error.message })
    };
    failure.fault.r#type = kind;
    failure.fault.line = line;
    failure.fault.tail = trace;
    failure
}

fn out_of_memory(terms: &Terms) -> Failure {
    Failure::new(
        Outcome::OOMKilled,
        &format!(
            "the memory limit of {} MiB was reached: select fewer symbols or dates, keep fewer copies of the data, or raise spec.resources.limits.memory",
            terms.memory >> 20
        ),
    )
}

fn name(signal: i32) -> String {
    let known = match signal {
        4 => "SIGILL",
        6 => "SIGABRT",
        7 => "SIGBUS",
        8 => "SIGFPE",
        SIGKILL => "SIGKILL",
        11 => "SIGSEGV",
        15 => "SIGTERM",
        24 => "SIGXCPU",
        25 => "SIGXFSZ",
        _ => return format!("signal {signal}"),
    };
    known.to_owned()
}

fn likely(signal: i32) -> &'static str {
    match signal {
        11 => "look for very deep recursion, or an array function given wrong sizes",
        4 | 6 | 7 | 8 => "a library gave up, perhaps for want of memory",
        _ => "look at what it printed last",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { deadline_seconds: 5, memory: 2 << 30, dates: 2, symbols: 1, lines: 10 };

    fn of(gone: Gone) -> Failure {
        positions(End::Gone(gone), &TERMS).unwrap_err()
    }

    fn error(kind: &str, class: &str, line: u32) -> Gone {
        let json = format!(
            r#"{{"kind":"{kind}","type":"{class}","message":"m\u001b[0m","line":{line},"traceback":"t"}}"#
        );
        let mut written = vec![2];
        written.extend(u32::try_from(json.len()).unwrap().to_le_bytes());
        written.extend(json.as_bytes());
        Gone { written, ..Gone::default() }
    }

    #[test]
    fn every_end_has_its_outcome() {
        let signalled = |status, oom| Gone { status, oom, ..Gone::default() };
        for (gone, outcome) in [
            (signalled(SIGSYS, false), Outcome::SandboxViolation),
            (signalled(SIGKILL, true), Outcome::OOMKilled),
            (signalled(SIGKILL, false), Outcome::StrategyError),
            (signalled(0x80 | 0xb, false), Outcome::StrategyError),
            (signalled(0, true), Outcome::StrategyError),
            (Gone { too_much: true, ..Gone::default() }, Outcome::InvalidResult),
            (error("strategy", "KeyError", 3), Outcome::StrategyError),
            (error("strategy", "MemoryError", 3), Outcome::OOMKilled),
            (error("result", "", 3), Outcome::InvalidResult),
        ] {
            assert_eq!(of(gone).outcome, outcome);
        }
        assert_eq!(positions(End::Deadline, &TERMS).unwrap_err().outcome, Outcome::DeadlineExceeded);
        assert_eq!(positions(End::NoMemory(1), &TERMS).unwrap_err().outcome, Outcome::InvalidSpec);
        for missing in [End::Unlocked("x"), End::Unconfirmed] {
            assert_eq!(positions(missing, &TERMS).unwrap_err().outcome, Outcome::IsolationMissing);
        }
    }

    #[test]
    fn a_strategys_words_are_escaped_and_its_line_must_exist() {
        let failure = of(error("strategy", "KeyError", 3));
        assert_eq!((failure.fault.message.as_str(), failure.fault.line), ("m\\u{1b}[0m", Some(3)));
        assert_eq!(of(error("strategy", "KeyError", 11)).fault.line, None);
    }

    #[test]
    fn traceback_and_output_share_the_tail() {
        let mut output = Output::default();
        output.push("p".repeat(3000).as_bytes());
        let mut failure = of(error("strategy", "KeyError", 3));
        failure.fault.tail = "t\n".repeat(2000);
        let tail = failure.with_output(&output).fault.tail;
        assert!(serde_json::to_string(&tail).unwrap().len() <= MAX_TAIL + 2);
        assert!(tail.starts_with("t\n") || tail.starts_with('\n'), "{tail}");
        assert!(tail.ends_with("pppp"));
    }
}
