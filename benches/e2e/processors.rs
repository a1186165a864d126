//! How busy this machine is, and how much of it others take: warm runs are as fast as it has time for them.

use std::fs;
use std::time::Instant;

/// From a moment on.
pub(crate) struct Processors {
    since: Instant,
    used: [f64; 2],
}

/// Of one second of one processor, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Share {
    /// Spent on anything here.
    pub(crate) busy: f64,
    /// Wanted here and given to another machine on the same host.
    pub(crate) stolen: f64,
}

impl Processors {
    /// From now on; none where the kernel does not say.
    pub(crate) fn begin() -> Option<Self> {
        Some(Self { since: Instant::now(), used: used()? })
    }

    /// What has been spent since then.
    pub(crate) fn share(&self) -> Option<Share> {
        let seconds = self.since.elapsed().as_secs_f64();
        let [busy, stolen] = used()?;
        Some(Share { busy: (busy - self.used[0]) / seconds, stolen: (stolen - self.used[1]) / seconds })
    }
}

/// Busy and stolen milliseconds of the average processor since the machine's start: `/proc/stat` counts hundredths of a
/// second.
fn used() -> Option<[f64; 2]> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let ticks: Vec<f64> =
        stat.lines().next()?.split_whitespace().skip(1).filter_map(|count| count.parse().ok()).collect();
    // user, nice, system, idle, iowait, irq, softirq, steal.
    let [user, nice, system, _, _, irq, softirq, stolen, ..] = ticks[..] else { return None };
    let processors = stat.lines().skip(1).filter(|line| line.starts_with("cpu")).count();
    let each = 10.0 / f64::from(u32::try_from(processors).ok().filter(|&count| count > 0)?);
    Some([(user + nice + system + irq + softirq) * each, stolen * each])
}
