//! Stage 2: the evaluation's own system call filter, from `seccomp/strategy.json` to the bytes that it loads.
//!
//! The file holds four lists in the form of the crate seccompiler, because each list has one answer: `kill` (no honest
//! use: the process dies by SIGSYS, which is a countable signal), `absent` (ENOSYS, so that the C library falls back),
//! `again` (EAGAIN: no more processes or threads), `allow` (everything else is EPERM). A list whose name ends in `_x86_64`
//! names calls that only that architecture has. All are linked to one program, since the runner confirms "one filter more".

use std::collections::HashMap;

use seccompiler::{BpfProgram, TargetArch, compile_from_json};
use serde_json::Value;

/// The reviewed lists.
const LISTS: &str = include_str!("../../seccomp/strategy.json");

/// In this order a call is looked up; the last list decides what no list names.
const ORDER: [&str; 4] = ["kill", "absent", "again", "allow"];

/// Ends the name of a list of calls that only this architecture has.
const LEGACY: &str = "_x86_64";

// From <linux/bpf_common.h> and <linux/seccomp.h>.
const BPF_RET_K: u16 = 0x06;
const BPF_JMP_JA: u16 = 0x05;
const SECCOMP_RET_ALLOW: u32 = 0x7fff_0000;
/// The kernel's own limit, in instructions.
const BPF_MAXINSNS: usize = 4096;

/// Why there is no stage 2. All of them are faults of the build, found by its tests.
#[derive(Debug, thiserror::Error)]
pub enum FilterError {
    /// Not JSON.
    #[error("failed to read seccomp/strategy.json")]
    Json(#[from] serde_json::Error),
    /// Not seccompiler's form, or a call that the architecture lacks.
    #[error("failed to compile seccomp/strategy.json")]
    Compile(#[from] seccompiler::Error),
    /// Built for a processor without a table of calls.
    #[error("no system call table for this architecture")]
    Architecture,
    /// A list is missing.
    #[error("seccomp/strategy.json has no list {0}")]
    Missing(&'static str),
    /// Longer than the kernel takes.
    #[error("stage 2 has {0} instructions, the kernel takes {BPF_MAXINSNS}")]
    TooLong(usize),
}

/// Stage 2 for this machine as an array of `struct sock_filter`, in the byte order of the machine.
///
/// # Errors
/// A faulty `seccomp/strategy.json`.
pub fn compile() -> Result<Vec<u8>, FilterError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|_| FilterError::Architecture)?;
    let program = program(arch)?;
    Ok(program
        .iter()
        .flat_map(|instruction| {
            let [c0, c1] = instruction.code.to_ne_bytes();
            let [k0, k1, k2, k3] = instruction.k.to_ne_bytes();
            [c0, c1, instruction.jt, instruction.jf, k0, k1, k2, k3]
        })
        .collect())
}

fn program(arch: TargetArch) -> Result<BpfProgram, FilterError> {
    let all: serde_json::Map<String, Value> = serde_json::from_str(LISTS)?;
    let mut lists = serde_json::Map::new();
    for name in ORDER {
        let mut list = all.get(name).cloned().ok_or(FilterError::Missing(name))?;
        if let Some(extra) = all.get(&format!("{name}{LEGACY}")).filter(|_| arch == TargetArch::x86_64) {
            let calls = list.get_mut("filter").and_then(Value::as_array_mut);
            let extra = extra.get("filter").and_then(Value::as_array);
            let (Some(calls), Some(extra)) = (calls, extra) else {
                return Err(FilterError::Missing(name));
            };
            calls.extend(extra.iter().cloned());
        }
        lists.insert(name.to_owned(), list);
    }
    let text = serde_json::to_vec(&lists)?;
    let mut programs: HashMap<String, BpfProgram> = compile_from_json(text.as_slice(), arch)?;
    let ordered = ORDER
        .into_iter()
        .map(|name| programs.remove(name).ok_or(FilterError::Missing(name)))
        .collect::<Result<Vec<_>, _>>()?;
    let linked = link(ordered);
    if linked.len() > BPF_MAXINSNS {
        return Err(FilterError::TooLong(linked.len()));
    }
    Ok(linked)
}

/// One program of several: an "allow" in any but the last goes on to the next, which loads the call's number anew.
fn link(programs: Vec<BpfProgram>) -> BpfProgram {
    let count = programs.len();
    let mut linked = BpfProgram::new();
    for (index, mut program) in programs.into_iter().enumerate() {
        let length = program.len();
        for (at, instruction) in program.iter_mut().enumerate() {
            let allows = instruction.code == BPF_RET_K && instruction.k == SECCOMP_RET_ALLOW;
            if allows && index + 1 < count {
                instruction.code = BPF_JMP_JA;
                // Programs are far shorter than u32::MAX; see TooLong.
                instruction.k = u32::try_from(length - at - 1).unwrap_or(u32::MAX);
            }
        }
        linked.append(&mut program);
    }
    linked
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPERM: u32 = 0x0005_0001;
    const ENOSYS: u32 = 0x0005_0026;
    const EAGAIN: u32 = 0x0005_000b;
    const KILL: u32 = 0x8000_0000;

    /// Runs the program as the kernel would; knows just the instructions that seccompiler emits.
    fn answer(program: &BpfProgram, arch: u32, call: i64, args: [u64; 6]) -> u32 {
        let mut data = Vec::new();
        data.extend(u32::try_from(call).unwrap().to_ne_bytes());
        data.extend(arch.to_ne_bytes());
        data.extend(0_u64.to_ne_bytes());
        args.iter().for_each(|arg| data.extend(arg.to_ne_bytes()));
        let (mut at, mut accumulator) = (0_usize, 0_u32);
        loop {
            let instruction = &program[at];
            at += 1;
            let (k, jt, jf) = (instruction.k, usize::from(instruction.jt), usize::from(instruction.jf));
            let jump = |taken: bool| if taken { jt } else { jf };
            match instruction.code {
                0x20 => {
                    let offset = k as usize;
                    accumulator = u32::from_ne_bytes(data[offset..offset + 4].try_into().unwrap());
                }
                0x15 => at += jump(accumulator == k),
                0x25 => at += jump(accumulator > k),
                0x35 => at += jump(accumulator >= k),
                0x54 => accumulator &= k,
                0x05 => at += k as usize,
                0x06 => return k,
                other => panic!("instruction {other:#x}"),
            }
        }
    }

    const X86_64: u32 = 0xc000_003e;
    const AARCH64: u32 = 0xc000_00b7;

    #[test]
    fn both_architectures_compile() {
        for arch in [TargetArch::x86_64, TargetArch::aarch64] {
            let program = program(arch).unwrap();
            assert!(program.len() < 1200, "{} instructions", program.len());
        }
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn every_call_gets_its_lists_answer() {
        let program = program(TargetArch::x86_64).unwrap();
        let ask = |call, args| answer(&program, X86_64, call, args);
        let none = [0; 6];
        for call in [libc::SYS_read, libc::SYS_mmap, libc::SYS_exit_group, libc::SYS_poll] {
            assert_eq!(ask(call, none), SECCOMP_RET_ALLOW, "{call}");
        }
        for call in [
            libc::SYS_socket,
            libc::SYS_socketpair,
            libc::SYS_execve,
            libc::SYS_kill,
            libc::SYS_tgkill,
            libc::SYS_pipe2,
            libc::SYS_dup,
            libc::SYS_prctl,
            libc::SYS_seccomp,
            libc::SYS_memfd_create,
            libc::SYS_symlinkat,
            999,
        ] {
            assert_eq!(ask(call, none), EPERM, "{call}");
        }
        for call in [libc::SYS_clone3, libc::SYS_openat2] {
            assert_eq!(ask(call, none), ENOSYS, "{call}");
        }
        for call in [libc::SYS_clone, libc::SYS_fork, libc::SYS_vfork] {
            assert_eq!(ask(call, none), EAGAIN, "{call}");
        }
        for call in [libc::SYS_ptrace, libc::SYS_mount, libc::SYS_bpf, libc::SYS_io_uring_setup] {
            assert_eq!(ask(call, none), KILL, "{call}");
        }
        // An x32 call: the same number with bit 30 set is another call.
        assert_eq!(ask(libc::SYS_socket | 0x4000_0000, none), EPERM);
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn arguments_are_looked_at() {
        let program = program(TargetArch::x86_64).unwrap();
        let open = |flags: i32| {
            let flags = u64::try_from(flags).unwrap();
            answer(&program, X86_64, libc::SYS_openat, [0, 0, flags, 0, 0, 0])
        };
        assert_eq!(open(libc::O_RDONLY | libc::O_CLOEXEC), SECCOMP_RET_ALLOW);
        for flags in [
            libc::O_WRONLY,
            libc::O_RDWR,
            libc::O_CREAT,
            libc::O_TRUNC,
            libc::O_APPEND,
            libc::O_TMPFILE | libc::O_RDWR,
        ] {
            assert_eq!(open(flags), EPERM, "{flags:#o}");
        }
        let limit = |new| answer(&program, X86_64, libc::SYS_prlimit64, [0, 0, new, 0, 0, 0]);
        assert_eq!(limit(0), SECCOMP_RET_ALLOW);
        assert_eq!(limit(1 << 40), EPERM);
        let control = |command: i32| {
            answer(&program, X86_64, libc::SYS_fcntl, [0, u64::try_from(command).unwrap(), 0, 0, 0, 0])
        };
        assert_eq!(control(libc::F_GETFL), SECCOMP_RET_ALLOW);
        assert_eq!(control(libc::F_DUPFD_CLOEXEC), EPERM);
    }

    #[test]
    fn a_foreign_architecture_is_killed() {
        let x86 = program(TargetArch::x86_64).unwrap();
        assert_eq!(answer(&x86, AARCH64, 0, [0; 6]), KILL);
    }

    /// Names in the lists of stage 2 whose name begins with `list`.
    fn named(list: &str) -> Vec<String> {
        let lists: serde_json::Map<String, Value> = serde_json::from_str(LISTS).unwrap();
        let chosen = lists.iter().filter(|(name, _)| name.starts_with(list));
        let calls = chosen.flat_map(|(_, value)| value["filter"].as_array().unwrap());
        calls.map(|call| call["syscall"].as_str().unwrap().to_owned()).collect()
    }

    /// Names in the groups of stage 1 with this action.
    fn stage1(action: &str) -> Vec<String> {
        let profile: Value = serde_json::from_str(include_str!("../../seccomp/sandbox.json")).unwrap();
        let groups = profile["syscalls"].as_array().unwrap();
        let chosen = groups.iter().filter(|group| action.is_empty() || group["action"] == action);
        let names = chosen.flat_map(|group| group["names"].as_array().unwrap());
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_two_stages_agree() {
        let (allowed, killed) = (stage1("SCMP_ACT_ALLOW"), stage1("SCMP_ACT_KILL_PROCESS"));
        for call in named("allow") {
            assert!(allowed.contains(&call), "stage 1 would deny {call}");
        }
        for call in named("kill") {
            assert!(killed.contains(&call), "stage 1 does not kill {call}");
        }
    }

    #[test]
    fn no_call_has_two_answers() {
        let mut names = stage1("");
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        let groups: Value = serde_json::from_str(include_str!("../../seccomp/sandbox.json")).unwrap();
        let groups = groups["syscalls"].as_array().unwrap();
        assert!(groups.iter().all(|group| group["comment"].is_string()), "a group without a comment");
    }

    #[test]
    fn stage_1_has_no_socket_and_no_new_namespace() {
        let allowed = stage1("SCMP_ACT_ALLOW");
        for call in
            ["socket", "socketpair", "connect", "unshare", "setns", "clone3", "memfd_create", "execveat"]
        {
            assert!(!allowed.iter().any(|name| name == call), "{call}");
        }
    }
}
