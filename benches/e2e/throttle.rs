//! How often the kernel held a pod back at its CPU limit. Its control group is gone with the pod, so it is read while it
//! lives; nothing is known of pods on another node.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often a control group is read.
const PAUSE: Duration = Duration::from_millis(25);
/// How long a pod's control group may take to appear, and how long it is read at most.
const APPEARANCE: Duration = Duration::from_secs(10);
/// See above.
const LIFE: Duration = Duration::from_mins(2);

/// What was read last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Throttling {
    last: Arc<Mutex<Option<(u64, f64)>>>,
    first: Arc<Mutex<Option<u64>>>,
}

impl Throttling {
    /// Periods in which the pod was held back, and for how long in all, in milliseconds; none if it was never readable.
    pub(crate) fn read(&self) -> Option<(u64, f64)> {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Periods in which it was held back since it was read first.
    pub(crate) fn since_first(&self) -> Option<u64> {
        let first = *self.first.lock().unwrap_or_else(PoisonError::into_inner);
        Some(self.read()?.0.saturating_sub(first?))
    }
}

/// Reads the pod's control group in the background until it is gone.
pub(crate) fn sample(pod_uid: &str) -> Throttling {
    let throttling = Throttling::default();
    let (last, first) = (throttling.last.clone(), throttling.first.clone());
    let uid = pod_uid.to_owned();
    std::thread::spawn(move || {
        let started = Instant::now();
        let mut folder = None;
        while started.elapsed() < LIFE {
            folder = folder.or_else(|| group_of(&uid));
            match folder.as_deref().map(worst) {
                Some(Some(read)) => {
                    first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(read.0);
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(read);
                }
                Some(None) => return,
                None if started.elapsed() > APPEARANCE => return,
                None => {}
            }
            std::thread::sleep(PAUSE);
        }
    });
    throttling
}

/// The pod's control group: version 1 or 2, named by either of the kubelet's drivers.
fn group_of(uid: &str) -> Option<PathBuf> {
    let systemd = uid.replace('-', "_");
    let root =
        ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup"].map(Path::new).into_iter().find(|root| root.is_dir())?;
    let mut level = vec![root.to_path_buf()];
    // kubepods, the class of service, the pod; one more below systemd's slices.
    for _ in 0..4 {
        let below: Vec<PathBuf> = level
            .iter()
            .filter_map(|folder| fs::read_dir(folder).ok())
            .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
            .filter(|path| path.to_string_lossy().contains("kubepods"))
            .collect();
        let found = below.iter().find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.contains(uid) || name.contains(&systemd)
        });
        if let Some(found) = found {
            return Some(found.clone());
        }
        level = below;
    }
    None
}

/// The most that the pod or one of its containers was held back; none when the pod's group is gone.
fn worst(folder: &Path) -> Option<(u64, f64)> {
    let below = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let groups = std::iter::once(folder.to_path_buf()).chain(below);
    groups
        .filter_map(|group| fs::read_to_string(group.join("cpu.stat")).ok())
        .map(|text| held_back(&text))
        .reduce(|a, b| if a.1 >= b.1 { a } else { b })
}

fn held_back(stat: &str) -> (u64, f64) {
    let field = |name: &str| -> Option<u32> {
        stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok()).map(|value| {
            u32::try_from(value / if name == "throttled_time " { 1_000_000 } else { 1_000 })
                .unwrap_or(u32::MAX)
        })
    };
    let periods = stat.lines().find_map(|line| line.strip_prefix("nr_throttled ")?.trim().parse().ok());
    // Version 1 counts nanoseconds, version 2 microseconds.
    let time = field("throttled_time ").or_else(|| field("throttled_usec ")).unwrap_or_default();
    (periods.unwrap_or_default(), f64::from(time))
}
