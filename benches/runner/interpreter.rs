//! `loop.py` spoken to as the runner does, with what the runner cannot leave out left out where a bench wants that.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Instant;

use rustix::io::{FdFlags, fcntl_setfd};
use stratbox::runner::parts;

use crate::support::PYTHON;

const DATES: usize = 750;
/// `struct sock_filter` that returns `SECCOMP_RET_ALLOW`.
const ALLOW: [u8; 8] = [6, 0, 0, 0, 0, 0, 0xff, 0x7f];
const STRATEGY: &str =
    "def strategy(data):\n    close = data['close']\n    return close > close.rolling(20).mean()\n";

/// An interpreter's process.
pub(crate) struct Interpreter {
    process: Child,
    control: PipeWriter,
    data: PipeWriter,
    replies: PipeReader,
    filter: Vec<u8>,
    evaluations: u32,
}

impl Interpreter {
    /// Starts one and waits until it is up; locked down as in a sandbox, or not at all.
    pub(crate) fn start(is_locked: bool) -> Self {
        let ((control_read, control), (data_read, data), (replies, replies_write)) =
            (pipe().expect("a pipe"), pipe().expect("a pipe"), pipe().expect("a pipe"));
        let numbers = [control_read.as_raw_fd(), data_read.as_raw_fd(), replies_write.as_raw_fd()];
        for end in [
            fcntl_setfd(&control_read, FdFlags::empty()),
            fcntl_setfd(&data_read, FdFlags::empty()),
            fcntl_setfd(&replies_write, FdFlags::empty()),
        ] {
            end.expect("an inheritable pipe");
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("images/sandbox/loop.py");
        let readable = parts::readable(&PYTHON, &script);
        // Bash alone: other shells know descriptors of one digit only.
        let line = format!(
            "exec \"$0\" -s -P -B -X utf8 \"$1\" 3<&{} 4<&{} 5>&{}",
            numbers[0], numbers[1], numbers[2]
        );
        // Before Landlock, after which /dev/null could not be opened any more.
        let null = File::open("/dev/null").expect("/dev/null opens");
        let mut command = Command::new("bash");
        command.args(["-c", &line]).arg(&*PYTHON).arg(script).stdin(null);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("PYTHONHASHSEED", "0").env("TZ", "UTC");
        command.env("LANG", "C.UTF-8").env("OPENBLAS_NUM_THREADS", "1").env("OMP_NUM_THREADS", "1");
        let spawner = thread::spawn(move || {
            rustix::thread::set_no_new_privs(true).expect("no new privileges");
            if is_locked {
                assert!(
                    parts::landlock(&readable).expect("Landlock").is_some(),
                    "this kernel has no Landlock"
                );
            }
            command.spawn().expect("bash starts")
        });
        let process = spawner.join().expect("an interpreter");
        let filter = if is_locked { parts::stage_2().expect("stage 2") } else { ALLOW.to_vec() };
        let mut interpreter = Self { process, control, data, replies, filter, evaluations: 0 };
        // The copies here would keep a dead interpreter's pipes open.
        drop((control_read, data_read, replies_write));
        interpreter.expect(1);
        interpreter
    }

    /// Has one more evaluation forked ahead of its order, and waits until it is there.
    pub(crate) fn fork_ahead(&mut self) {
        self.control.write_all(b"SBXP").expect("an order is taken");
        self.expect(6);
    }

    /// Milliseconds from the order to the end.
    pub(crate) fn evaluate(&mut self) -> f64 {
        self.evaluations += 1;
        let begun = Instant::now();
        self.control.write_all(&self.order()).expect("an order is taken");
        self.expect(2);
        self.expect(3);
        self.data.write_all(&slice(self.evaluations)).expect("a slice is taken");
        let result = self.expect(4);
        let ended = self.expect(5);
        let time = begun.elapsed().as_secs_f64() * 1e3;
        assert_eq!(
            (result[0], result.len(), ended.as_slice()),
            (1, 5 + DATES * 8, &[0; 4][..]),
            "{}",
            String::from_utf8_lossy(&result)
        );
        time
    }

    fn order(&self) -> Vec<u8> {
        let (code, params) = (STRATEGY.as_bytes(), b"{}");
        let mut bytes = b"SBXC".to_vec();
        bytes.extend(self.evaluations.to_le_bytes());
        bytes.extend((8_u64 << 30).to_le_bytes());
        bytes.extend((DATES as u64 * 8).to_le_bytes());
        for part in [self.filter.len(), code.len(), params.len()] {
            bytes.extend(u32::try_from(part).expect("short").to_le_bytes());
        }
        [bytes.as_slice(), &self.filter, code, params].concat()
    }

    /// The body of the next reply, which is of this kind.
    fn expect(&mut self, kind: u8) -> Vec<u8> {
        let mut head = [0; 9];
        self.replies.read_exact(&mut head).expect("a reply");
        assert_eq!(head[0], kind, "{head:?}");
        let mut body = vec![0; u32::from_le_bytes([head[5], head[6], head[7], head[8]]) as usize];
        self.replies.read_exact(&mut body).expect("a reply");
        body
    }
}

impl Drop for Interpreter {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One symbol's closes and volumes; fits a pipe.
fn slice(evaluation: u32) -> Vec<u8> {
    let mut shape =
        format!(r#"{{"dates":{DATES},"fields":["close","volume"],"symbols":["A"]}}"#).into_bytes();
    shape.resize(shape.len().next_multiple_of(8), b' ');
    let mut bytes = b"SBXD".to_vec();
    bytes.extend(evaluation.to_le_bytes());
    bytes.extend((8 + shape.len() as u64 + DATES as u64 * 24).to_le_bytes());
    bytes.extend((shape.len() as u64).to_le_bytes());
    bytes.extend(&shape);
    for day in 0..u32::try_from(DATES).expect("a small number") {
        bytes.extend(i64::from(10_000 + day).to_le_bytes());
        bytes.extend((100.0 + f64::from(day).sin()).to_le_bytes());
        bytes.extend(1000.0_f64.to_le_bytes());
    }
    bytes
}
