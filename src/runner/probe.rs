//! Facts that the kernel keeps about processes and the sandbox: the only reader of `/proc` and of the control group.

use std::fs;
use std::sync::OnceLock;

use crate::wire::{Isolation, head, sha256_hex};

/// The reviewed profiles as they were when the runner was built. Stage 1 is the node's to load: the digest says which one
/// this runner was made for.
const STAGE_1: &[u8] = include_bytes!("../../seccomp/sandbox.json");
const STAGE_2: &[u8] = include_bytes!("../../seccomp/strategy.json");

/// Where the control group's counters are inside a container: v2, then v1.
const OOM_COUNTERS: [&str; 2] = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];

/// The limits of the control group: v2, then v1.
const MEMORY_LIMITS: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"];
const CPU_LIMIT: &str = "/sys/fs/cgroup/cpu.max";
const CPU_LIMIT_V1: [&str; 2] =
    ["/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/cpu/cpu.cfs_period_us"];

/// Longest name of a kernel in a report, in bytes of JSON text.
const MAX_KERNEL: usize = 64;

/// Bits of a process's flags in `/proc/PID/stat` (`include/linux/sched.h`): in its exit, and ended by a signal.
const PF_EXITING: u32 = 0x4;
const PF_SIGNALED: u32 = 0x400;

/// A memory limit from here on is none: v1 writes the largest multiple of a page instead of `max`.
const NO_LIMIT: u64 = 1 << 60;

/// What of a process's status matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Filters {
    /// How many seccomp filters are in force; absent where the kernel does not say (gVisor, kernels before 5.9).
    pub(super) count: Option<u32>,
    /// Whether new privileges are impossible.
    pub(super) no_new_privs: bool,
}

/// The filters in force on a process; absent when there is no such process.
pub(super) fn filters(pid: u32) -> Option<Filters> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Some(Filters {
        count: field(&status, "Seccomp_filters").and_then(|value| value.parse().ok()),
        no_new_privs: field(&status, "NoNewPrivs") == Some("1"),
    })
}

/// Address space and resident memory of a process in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// `VmSize`.
    pub(super) size: u64,
    /// `VmRSS`.
    pub(super) resident: u64,
}

/// A process's memory; absent when there is no such process.
pub(super) fn memory(pid: u32) -> Option<Memory> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let bytes =
        |name| field(&status, name)?.strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024);
    Some(Memory { size: bytes("VmSize")?, resident: bytes("VmRSS")? })
}

/// Whether a process is in its exit and came there by itself: none of its code runs any more, and neither a filter nor a
/// fault ended it. False where that cannot be seen. Where a kernel does not
/// [mark what a filter has killed](marks_killed_by_filter), nothing follows from it.
pub(super) fn exits_by_itself(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| is_exit_by_itself(&stat))
}

fn is_exit_by_itself(stat: &str) -> bool {
    // The second field is a name in brackets that the process gives itself: anything may be in it. The ninth is the flags.
    let flags =
        stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(6)?.parse::<u32>().ok());
    flags.is_some_and(|flags| flags & (PF_EXITING | PF_SIGNALED) == PF_EXITING)
}

/// Whether this kernel sets [`PF_SIGNALED`] for a process that a seccomp filter has killed, as Linux does on every way from
/// 5.16 on; before, some led straight into the exit. gVisor says 4.4.
pub(super) fn marks_killed_by_filter() -> bool {
    static MARKS: OnceLock<bool> = OnceLock::new();
    *MARKS.get_or_init(|| {
        let version = fs::read_to_string("/proc/version").unwrap_or_default();
        release(&version).is_some_and(|release| release >= (5, 16))
    })
}

/// Major and minor number from `Linux version 6.12.1 (…`.
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.strip_prefix("Linux version ")?.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// How many processes the control group has killed for want of memory; absent where it cannot be read.
pub(super) fn oom_kills() -> Option<u64> {
    OOM_COUNTERS.iter().find_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
    })
}

/// What is in force on the runner itself; Landlock and stage 2 are for those who installed them to add.
pub(super) fn isolation() -> Isolation {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let number = |name| field(&status, name).and_then(|value| value.split_whitespace().next()?.parse().ok());
    Isolation {
        seccomp: number("Seccomp").unwrap_or(0),
        no_new_privs: number("NoNewPrivs") == Some(1),
        cap_eff: field(&status, "CapEff").unwrap_or_default().to_owned(),
        uid: number("Uid").unwrap_or(0),
        uid_map: map
            .lines()
            .next()
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .unwrap_or_default(),
        landlock_abi: None,
        stage2: false,
        stage1_profile: sha256_hex(STAGE_1),
        stage2_profile: sha256_hex(STAGE_2),
        seccomp_filters: number("Seccomp_filters"),
        kernel: kernel(&fs::read_to_string("/proc/version").unwrap_or_default()),
        memory_limit: MEMORY_LIMITS.iter().find_map(|path| memory_limit(&fs::read_to_string(path).ok()?)),
        cpu_limit_millis: fs::read_to_string(CPU_LIMIT)
            .ok()
            .or_else(cpu_v1)
            .and_then(|text| cpu_limit(&text)),
    }
}

/// Whether a mapping of user namespaces, as [`isolation`] writes it, is that of the node itself.
pub(super) fn is_node_user_namespace(map: &str) -> bool {
    // Without a mapping nobody is anybody, but nothing proves a namespace either.
    map.is_empty() || map == "0 0 4294967295"
}

/// Name and release from `Linux version 6.12.1 (…`.
fn kernel(version: &str) -> String {
    let mut words = version.split_whitespace();
    let name = words.next().unwrap_or_default();
    let release = words.nth(1).unwrap_or_default();
    head(format!("{name} {release}").trim(), MAX_KERNEL)
}

fn memory_limit(text: &str) -> Option<u64> {
    text.trim().parse().ok().filter(|&bytes| bytes < NO_LIMIT)
}

/// Quota and period in the form of v2.
fn cpu_v1() -> Option<String> {
    let [quota, period] = CPU_LIMIT_V1.map(|path| fs::read_to_string(path).ok());
    Some(format!("{} {}", quota?.trim(), period?.trim()))
}

/// Thousandths of a processor from `quota period` in microseconds; none for `max` or v1's −1.
fn cpu_limit(text: &str) -> Option<u64> {
    let (quota, period) = text.trim().split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.parse().ok()?);
    quota.checked_mul(1000)?.checked_div(period)
}

/// The value of one line of a status file.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "Seccomp:\t2\nSeccomp_filters:\t3\nVmSize:\t  1024 kB\n";
        assert_eq!(field(status, "Seccomp"), Some("2"));
        assert_eq!(field(status, "Seccomp_filters"), Some("3"));
        assert_eq!(field(status, "VmSize"), Some("1024 kB"));
        assert_eq!(field(status, "Vm"), None);
    }

    #[test]
    fn limits_are_read_as_the_kernel_writes_them() {
        assert_eq!(cpu_limit("50000 100000\n"), Some(500));
        for none in ["max 100000\n", "-1 100000", "50000 0", ""] {
            assert_eq!(cpu_limit(none), None, "{none}");
        }
        assert_eq!(memory_limit("2147483648\n"), Some(2 << 30));
        for none in ["max\n", "9223372036854771712\n", ""] {
            assert_eq!(memory_limit(none), None, "{none}");
        }
    }

    #[test]
    fn a_kernel_is_named_by_name_and_release() {
        assert_eq!(kernel("Linux version 6.12.1-amd64 (a@b) #1 SMP"), "Linux 6.12.1-amd64");
        assert_eq!(kernel(""), "");
        assert!(kernel(&format!("Linux version {}", "9".repeat(500))).len() <= MAX_KERNEL);
    }

    #[test]
    fn an_exit_is_seen_by_flags_that_no_name_can_forge() {
        let stat =
            |name: &str, flags: u32| format!("7 ({name}) R 1 7 7 0 -1 {flags} 105 0 0 0 0 0 0 0 20 0 1 0\n");
        assert!(is_exit_by_itself(&stat("python3", 0x0040_0004)));
        assert!(!is_exit_by_itself(&stat("python3", 0x0040_0000)));
        assert!(!is_exit_by_itself(&stat("python3", 0x0040_0404)), "killed");
        assert!(!is_exit_by_itself(&stat("a) R 1 7 7 0 -1 4 (", 0)));
        assert!(!is_exit_by_itself("") && !is_exit_by_itself("7 (python3) R 1"));
        assert!(!exits_by_itself(std::process::id()) && !exits_by_itself(u32::MAX));
    }

    #[test]
    fn how_a_process_ended_is_seen_before_it_is_reaped() {
        for (command, by_itself) in [("exit 3", true), ("kill -9 $$", false), ("kill -31 $$", false)] {
            let mut child = Command::new("sh").args(["-c", command]).spawn().unwrap();
            let stat = || fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
            while !stat().rsplit_once(')').is_some_and(|(_, rest)| rest.starts_with(" Z")) {
                std::thread::yield_now();
            }
            assert_eq!(exits_by_itself(child.id()), by_itself, "{command}: {}", stat());
            child.wait().unwrap();
        }
    }

    #[test]
    fn kernels_that_mark_less_are_told_by_their_release() {
        assert_eq!(release("Linux version 5.16.0-rc1 (a@b) #1"), Some((5, 16)));
        assert_eq!(release("Linux version 6.12+ (a@b)"), Some((6, 12)));
        assert_eq!(release("Linux version 4.4.0 #1 SMP Sun Jan 10"), Some((4, 4)));
        for odd in ["", "Linux version", "Linux version 6", "FreeBSD 14.1"] {
            assert_eq!(release(odd), None, "{odd}");
        }
    }

    #[test]
    fn only_another_mapping_is_a_user_namespace() {
        assert!(is_node_user_namespace("0 0 4294967295") && is_node_user_namespace(""));
        assert!(!is_node_user_namespace("0 65536 65536"));
    }

    #[test]
    fn this_process_has_memory_and_a_mapping() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.size >= memory.resident && memory.resident > 0);
        assert!(!isolation().uid_map.is_empty());
        assert!(super::memory(u32::MAX).is_none());
    }
}
