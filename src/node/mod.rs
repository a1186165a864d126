//! The node agent: puts the seccomp profile on a node and proves that it is loaded.
//!
//! Three steps in three processes of one pod, none with an API token. `install` writes the profile below the kubelet's
//! seccomp folder; it runs without the profile, as an init container. `hold` runs under the profile that was just
//! written, which the kubelet could not have started otherwise, and waits. `check` is the readiness probe of the same
//! container: it reads what is really in force. Only a Ready agent makes the operator label the node.

use crate::sandbox::{profile_for, profile_path};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// What could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The profile's folder.
    #[error("failed to create {0}")]
    CreateFolder(PathBuf, #[source] io::Error),
    /// The profile itself.
    #[error("failed to write {0}")]
    WriteProfile(PathBuf, #[source] io::Error),
    /// Our own status.
    #[error("failed to read {0}")]
    ReadStatus(&'static str, #[source] io::Error),
    /// The profile is not in force.
    #[error("the profile is not in force here: {0}")]
    NotInForce(&'static str),
}

/// Writes the profile for this node's architecture below `seccomp_folder`; a file that is there already is replaced as a
/// whole, never half.
///
/// # Errors
/// The folder cannot be written to.
pub fn install(seccomp_folder: &Path) -> Result<PathBuf, Error> {
    let target = seccomp_folder.join(profile_path());
    let folder = target.parent().unwrap_or(seccomp_folder);
    fs::create_dir_all(folder).map_err(|error| Error::CreateFolder(folder.to_owned(), error))?;
    let draft = target.with_extension("new");
    let written =
        fs::write(&draft, profile_for(env::consts::ARCH)).and_then(|()| fs::rename(&draft, &target));
    written.map_err(|error| Error::WriteProfile(target.clone(), error))?;
    Ok(target)
}

/// Proves that this process runs under the profile: a filter is loaded, and it denies a socket while reading still works.
///
/// # Errors
/// What is not as it should be.
pub fn check() -> Result<(), Error> {
    const STATUS: &str = "/proc/self/status";
    let status = fs::read_to_string(STATUS).map_err(|error| Error::ReadStatus(STATUS, error))?;
    let field = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .map(str::trim)
            .unwrap_or_default()
    };
    if field("Seccomp") != "2" {
        return Err(Error::NotInForce("no seccomp filter is loaded"));
    }
    // No packet is sent: binding to the loopback address needs only the socket itself.
    match std::net::UdpSocket::bind(("127.0.0.1", 0)) {
        Err(error) if error.raw_os_error() == Some(EPERM) => Ok(()),
        Err(_) => Err(Error::NotInForce("a socket failed for another reason than the filter")),
        Ok(_) => Err(Error::NotInForce("a socket could be opened")),
    }
}

/// Waits until it is killed: the pod is there to be Ready.
pub fn hold() -> ! {
    loop {
        std::thread::sleep(std::time::Duration::from_hours(1));
    }
}

/// Linux's "operation not permitted".
const EPERM: i32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn the_profile_is_written_whole_under_its_hash() {
        let folder = env::temp_dir().join(format!("stratbox-node-{}", std::process::id()));
        let target = install(&folder).unwrap();
        let written: Value = serde_json::from_str(&fs::read_to_string(&target).unwrap()).unwrap();
        let shipped: Value = serde_json::from_str(include_str!("../../seccomp/sandbox.json")).unwrap();
        let own = format!("SCMP_ARCH_{}", env::consts::ARCH.to_uppercase());
        assert_eq!(written["architectures"], serde_json::json!([own]));
        assert_eq!(
            (&written["defaultAction"], &written["syscalls"]),
            (&shipped["defaultAction"], &shipped["syscalls"])
        );
        assert_eq!(install(&folder).unwrap(), target, "a second time is no error");
        assert_eq!(fs::read_dir(target.parent().unwrap()).unwrap().count(), 1, "no draft is left");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_process_without_the_profile_does_not_pass() {
        assert!(matches!(check(), Err(Error::NotInForce(_))));
    }
}
