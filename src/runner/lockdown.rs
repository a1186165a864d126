//! What the runner gives up, and what it takes from the interpreter. The only file of the project with `unsafe`.
//!
//! | who | what | when |
//! |---|---|---|
//! | runner | inherited descriptors, new privileges, being dumped or traced | [`enter`], before anything else |
//! | runner | SIGTERM's default action (PID 1 would ignore it) | [`enter`]; [`wait_for_sigterm`] takes it |
//! | interpreter | every path but its own libraries, signals and sockets to the outside (Landlock) | [`restrict_thread`], then it is spawned |
//! | evaluation | all but computing (seccomp stage 2, see `filter.rs`) | by the evaluation itself, confirmed by the runner |
//!
//! `PR_SET_DUMPABLE` does not survive an exec, so the interpreter sets it again for itself. It keeps other processes of
//! the same user out of `/proc/PID`; against root of the same user namespace it is no protection (a sandbox never
//! is root; tests on a host may be).

use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, LandlockStatus, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use rustix::process::DumpableBehavior;

/// The newest Landlock that this file was written against; older kernels get what they have.
const ABI_KNOWN: ABI = ABI::V7;

/// Why the runner could not lock itself down. Always a fault of the sandbox, never of the strategy.
#[derive(Debug, thiserror::Error)]
pub enum LockdownError {
    /// A system call that every Linux since 5.9 has.
    #[error("failed to {step}")]
    System {
        /// What was tried.
        step: &'static str,
        /// Why it failed.
        #[source]
        source: std::io::Error,
    },
    /// The numbers 3, 4 and 5 went to something else: `enter` was not the first call.
    #[error("descriptor 3, 4 or 5 is taken")]
    Taken,
    /// The kernel has Landlock but refused the rules.
    #[error("failed to restrict the interpreter by Landlock")]
    Landlock(#[from] landlock::RulesetError),
    /// A folder that the interpreter needs cannot be opened.
    #[error("failed to open a folder for Landlock")]
    Path(#[from] landlock::PathFdError),
    /// The rules were accepted but are not in force.
    #[error("Landlock took the rules but does not enforce them")]
    NotEnforced,
}

/// Locks the calling process down. Must be the first thing that `main` does: no other thread may exist yet, because all
/// but the descriptors are attributes of a thread that later threads inherit.
///
/// Returns the descriptors 3, 4 and 5 (open on /dev/null), which the interpreter's pipes are to replace.
///
/// # Errors
/// A kernel that refuses one of them.
pub(super) fn enter() -> Result<[OwnedFd; 3], LockdownError> {
    close_inherited()?;
    let places = [reserve()?, reserve()?, reserve()?];
    if places.each_ref().map(AsRawFd::as_raw_fd) != [3, 4, 5] {
        return Err(LockdownError::Taken);
    }
    system("set no_new_privs", rustix::thread::set_no_new_privs(true))?;
    system("become non-dumpable", rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable))?;
    // PID 1 gets orphans anyway; elsewhere (tests) this makes an evaluation ours to reap once its interpreter is gone.
    system("become subreaper", rustix::process::set_child_subreaper(Some(rustix::process::getpid())))?;
    // Where the interpreter starts too: no folder that anybody could name.
    let root = std::env::set_current_dir("/");
    root.map_err(|source| LockdownError::System { step: "go to the root folder", source })?;
    block_sigterm()?;
    Ok(places)
}

/// Takes the lowest free descriptor.
fn reserve() -> Result<OwnedFd, LockdownError> {
    let null = File::open("/dev/null");
    null.map(OwnedFd::from).map_err(|source| LockdownError::System { step: "open /dev/null", source })
}

/// Closes what the container runtime or a test may have left open above stderr; the interpreter's numbers 3, 4 and 5
/// are thereby free.
#[expect(unsafe_code, reason = "close_range has no safe wrapper")]
fn close_inherited() -> Result<(), LockdownError> {
    // SAFETY: called before anything in this process owns a descriptor above 2; takes no pointers.
    let result = unsafe { libc::close_range(3, libc::c_uint::MAX, 0) };
    if result == 0 {
        return Ok(());
    }
    Err(LockdownError::System {
        step: "close inherited descriptors",
        source: std::io::Error::last_os_error(),
    })
}

/// The set that holds SIGTERM alone.
#[expect(unsafe_code, reason = "signal sets have no safe wrapper")]
fn sigterm() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the whole set it is given, sigaddset changes an initialised one; SIGTERM is valid.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
        set.assume_init()
    }
}

/// Blocks SIGTERM in this thread and all that follow, so that it waits for [`wait_for_sigterm`]. `std::process` gives
/// children an empty mask again.
#[expect(unsafe_code, reason = "pthread_sigmask has no safe wrapper")]
fn block_sigterm() -> Result<(), LockdownError> {
    let set = sigterm();
    // SAFETY: `set` is initialised and outlives the call; the old mask is not asked for.
    let error = unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut()) };
    if error == 0 {
        return Ok(());
    }
    Err(LockdownError::System { step: "block SIGTERM", source: std::io::Error::from_raw_os_error(error) })
}

/// Sleeps until SIGTERM comes; false if the kernel will not wait for it.
#[expect(unsafe_code, reason = "sigwait has no safe wrapper")]
pub(super) fn wait_for_sigterm() -> bool {
    let set = sigterm();
    let mut signal = 0;
    // SAFETY: `set` is initialised and blocked in every thread; `signal` is a valid place for the answer.
    unsafe { libc::sigwait(&raw const set, &raw mut signal) == 0 }
}

/// Restricts the calling thread, and whatever it spawns, to reading and executing below `readable`: no other path, no
/// TCP, no abstract socket and no signal to a process outside. Returns the ABI in force, or none where the kernel has no
/// Landlock (gVisor, kernels before 5.13): that is reported, and a class may refuse it.
///
/// # Errors
/// A kernel that has Landlock and does not enforce the rules: never open silently.
pub fn restrict_thread(readable: &[PathBuf]) -> Result<Option<u32>, LockdownError> {
    let mut rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI_KNOWN))?
        .handle_access(AccessNet::from_all(ABI_KNOWN))?
        .scope(Scope::from_all(ABI_KNOWN))?
        .create()?;
    for path in readable {
        let access = if path.is_dir() {
            AccessFs::from_read(ABI_KNOWN)
        } else {
            AccessFs::ReadFile | AccessFs::Execute
        };
        rules = rules.add_rule(PathBeneath::new(PathFd::new(path)?, access))?;
    }
    let status = rules.restrict_self()?;
    match status.landlock {
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => Ok(None),
        LandlockStatus::Available { .. } if status.ruleset == RulesetStatus::NotEnforced => {
            Err(LockdownError::NotEnforced)
        }
        LandlockStatus::Available { effective_abi, kernel_abi } => {
            let abi = kernel_abi.unwrap_or(effective_abi as i32).min(ABI_KNOWN as i32);
            Ok(u32::try_from(abi).ok())
        }
    }
}

fn system<T>(step: &'static str, result: rustix::io::Result<T>) -> Result<T, LockdownError> {
    result.map_err(|errno| LockdownError::System { step, source: errno.into() })
}
