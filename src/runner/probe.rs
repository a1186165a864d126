//! Facts that the kernel keeps about processes and the sandbox: the only reader of `/proc` and of the control group.

use std::fs;

use crate::wire::Isolation;

/// Where the control group's counters are inside a container: v2, then v1.
const OOM_COUNTERS: [&str; 2] = ["/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control"];

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
        ..Isolation::default()
    }
}

/// The value of one line of a status file.
fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    status.lines().find_map(|line| Some(line.strip_prefix(name)?.strip_prefix(':')?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "Seccomp:\t2\nSeccomp_filters:\t3\nVmSize:\t  1024 kB\n";
        assert_eq!(field(status, "Seccomp"), Some("2"));
        assert_eq!(field(status, "Seccomp_filters"), Some("3"));
        assert_eq!(field(status, "VmSize"), Some("1024 kB"));
        assert_eq!(field(status, "Vm"), None);
    }

    #[test]
    fn this_process_has_memory_and_a_mapping() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.size >= memory.resident && memory.resident > 0);
        assert!(!isolation().uid_map.is_empty());
        assert!(super::memory(u32::MAX).is_none());
    }
}
