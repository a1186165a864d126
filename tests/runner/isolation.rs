//! What a strategy cannot do. Each probe runs twice: in a sandbox, where it must be denied, and in the same Python
//! without one, where it must succeed, since a probe that fails everywhere proves nothing.

use std::process::Command;

use stratbox::wire::Outcome;

use crate::support::{DATASETS, PYTHON, outcome, run, scratch};

/// What `probe()` of `body` says inside and outside: its return value, or the name of its exception and the errno.
fn probe(body: &str) -> (String, String) {
    let code = format!(
        "{body}\ndef said():\n    try:\n        return str(probe())\n    except BaseException as e:\n        return type(e).__name__ + ' ' + str(getattr(e, 'errno', None))\n"
    );
    let inside = outcome(&run(&format!(
        "{code}def strategy(data):\n    print(said(), end='')\n    return data['close'] > 0\n"
    )));
    assert_eq!(inside.outcome, Outcome::Succeeded, "{body}: {:?}", inside.fault);
    let outside = Command::new(&*PYTHON)
        .arg("-c")
        .arg(format!("{code}print(said(), end='')\n"))
        .output()
        .expect("python runs");
    let outside = String::from_utf8(outside.stdout).expect("text");
    (inside.output, outside)
}

/// The probe is denied inside in one of these ways, and says `ok` outside.
fn denied(body: &str, ways: &[&str]) {
    let (inside, outside) = probe(body);
    assert!(ways.contains(&inside.as_str()), "inside {inside:?}: {body}");
    assert_eq!(outside, "ok", "no positive control: {body}");
}

const EPERM: &str = "PermissionError 1";
const EACCES: &str = "PermissionError 13";
const EAGAIN: &str = "BlockingIOError 11";

#[test]
fn there_is_no_socket_of_any_family() {
    for family in ["AF_INET", "AF_INET6", "AF_UNIX", "AF_NETLINK"] {
        let kind = if family == "AF_NETLINK" { "SOCK_RAW" } else { "SOCK_STREAM" };
        denied(
            &format!(
                "import socket\ndef probe():\n    socket.socket(socket.{family}, socket.{kind}).close()\n    return 'ok'"
            ),
            &[EPERM],
        );
    }
    denied(
        "import socket\ndef probe():\n    [s.close() for s in socket.socketpair()]\n    return 'ok'",
        &[EPERM],
    );
}

#[test]
fn there_are_no_processes_and_no_threads() {
    denied(
        "import os\ndef probe():\n    pid = os.fork()\n    if pid == 0:\n        os._exit(0)\n    os.waitpid(pid, 0)\n    return 'ok'",
        &[EAGAIN],
    );
    denied(
        "import threading\ndef probe():\n    t = threading.Thread(target=int)\n    t.start()\n    t.join()\n    return 'ok'",
        &["RuntimeError None"],
    );
    denied("import os\ndef probe():\n    try:\n        os.execv('/bin/true', ['true'])\n    except OSError as e:\n        if e.errno != 2: raise\n    return 'ok'".replace("/bin/true", "/nowhere/true").as_str(), &[EPERM]);
    denied(
        "import subprocess\ndef probe():\n    subprocess.run(['/bin/true'])\n    return 'ok'",
        &[EPERM, EAGAIN],
    );
    denied("import os\ndef probe():\n    [os.close(fd) for fd in os.pipe()]\n    return 'ok'", &[EPERM]);
    denied("import os\ndef probe():\n    os.close(os.dup(1))\n    return 'ok'", &[EPERM]);
}

#[test]
fn a_fork_bomb_does_nothing() {
    let code = "import os\ndef strategy(data):\n    for _ in range(100000):\n        try:\n            os.fork()\n        except OSError:\n            pass\n    return data['close'] > 0\n";
    assert_eq!(outcome(&run(code)).outcome, Outcome::Succeeded);
}

#[test]
fn nothing_outside_the_libraries_can_be_read() {
    let datasets = DATASETS.join("us");
    for path in [
        format!("{}/data.csv", datasets.display()),
        format!("{}/manifest.json", datasets.display()),
        "/etc/passwd".to_owned(),
        "/proc/self/status".to_owned(),
        "/proc/self/maps".to_owned(),
        "/proc/1/status".to_owned(),
        "/dev/null".to_owned(),
    ] {
        denied(&format!("def probe():\n    open({path:?}, 'rb').close()\n    return 'ok'"), &[EACCES]);
    }
    denied(
        &format!("import os\ndef probe():\n    os.listdir({:?})\n    return 'ok'", datasets.display()),
        &[EACCES],
    );
    for file in ["fd/0", "fd", "environ", "maps", "mem", "cmdline"] {
        denied(
            &format!(
                "import os\ndef probe():\n    os.close(os.open('/proc/%d/{file}' % os.getppid(), os.O_RDONLY))\n    return 'ok'"
            ),
            &[EACCES],
        );
    }
}

#[test]
fn nothing_can_be_written() {
    let folder = scratch("writable");
    let file = folder.join("termination-log");
    std::fs::write(&file, "").expect("a file");
    let (file, folder) = (file.display(), folder.display());
    denied(&format!("def probe():\n    open('{file}', 'w').close()\n    return 'ok'"), &[EPERM, EACCES]);
    denied(&format!("def probe():\n    open('{file}', 'a').close()\n    return 'ok'"), &[EPERM, EACCES]);
    denied(
        &format!(
            "import os\ndef probe():\n    os.mkdir('{folder}/x')\n    os.rmdir('{folder}/x')\n    return 'ok'"
        ),
        &[EPERM, EACCES],
    );
    denied(
        &format!(
            "import os\ndef probe():\n    os.symlink('a', '{folder}/y')\n    os.unlink('{folder}/y')\n    return 'ok'"
        ),
        &[EPERM, EACCES],
    );
    denied(
        &format!("import os\ndef probe():\n    os.chmod('{file}', 0o600)\n    return 'ok'"),
        &[EPERM, EACCES],
    );
    denied(&format!("import os\ndef probe():\n    os.utime('{file}')\n    return 'ok'"), &[EPERM, EACCES]);
    denied("import os\ndef probe():\n    os.close(os.memfd_create('x'))\n    return 'ok'", &[EPERM]);
}

#[test]
fn no_signal_reaches_anybody() {
    denied("import os\ndef probe():\n    os.kill(os.getppid(), 0)\n    return 'ok'", &[EPERM]);
    denied("import os\ndef probe():\n    os.kill(os.getpid(), 0)\n    return 'ok'", &[EPERM]);
    let (inside, _) = probe("import os\ndef probe():\n    os.kill(-1, 0)\n    return 'ok'");
    assert_eq!(inside, EPERM);
}

#[test]
fn exactly_four_descriptors_are_open() {
    let body = "import os\ndef probe():\n    found = []\n    for n in range(4096):\n        try:\n            os.fstat(n)\n            found.append(n)\n        except OSError:\n            pass\n    return len(found), found[:3]";
    let (inside, _) = probe(body);
    assert_eq!(inside, "(4, [0, 1, 2])");
    let (inside, _) = probe("import os\ndef probe():\n    return os.read(0, 10)");
    assert_eq!(inside, "b''", "stdin is /dev/null");
}

#[test]
fn the_environment_tells_nothing() {
    let (inside, _) = probe("import os\ndef probe():\n    return sorted(os.environ)");
    assert!(
        !inside.contains("POD_UID") && !inside.contains("SECRET") && !inside.contains("PATH"),
        "{inside}"
    );
    let (inside, _) = probe("def probe():\n    return hash('stratbox')");
    let (again, _) = probe("def probe():\n    return hash('stratbox')");
    assert_eq!(inside, again, "the hash seed is fixed");
    let (inside, _) =
        probe("import random, numpy\ndef probe():\n    return random.random(), float(numpy.random.rand())");
    assert_eq!(inside, "(0.8444218515250481, 0.5488135039273248)", "generators are seeded with 0");
}

#[test]
fn limits_are_set_and_cannot_be_raised() {
    let (inside, _) = probe(
        "import resource as r\ndef probe():\n    return [r.getrlimit(l) for l in (r.RLIMIT_CORE, r.RLIMIT_FSIZE, r.RLIMIT_MSGQUEUE, r.RLIMIT_NOFILE)]",
    );
    assert_eq!(inside, "[(0, 0), (0, 0), (0, 0), (64, 64)]");
    denied(
        "import resource as r\ndef probe():\n    r.setrlimit(r.RLIMIT_CORE, (0, 0))\n    return 'ok'",
        &["ValueError None", EPERM],
    );
}

#[test]
fn an_honest_strategy_may_still_import_late_and_solve_and_sleep() {
    let code = r#"
def strategy(data):
    import sqlite3, decimal, statistics, zoneinfo, email, unittest, numpy.fft, numpy.polynomial, warnings, time, traceback
    import numpy, pandas
    warnings.warn("late")
    time.sleep(0.01)
    a = numpy.random.rand(200, 200)
    numpy.linalg.svd(a @ a.T)
    numpy.linalg.solve(a, a)
    numpy.fft.fft(a)
    c = data["close"]
    c.resample("ME").last().reindex(data.index, method="ffill")
    c.groupby(c.index.year).mean()
    c.to_frame().merge(c.to_frame(), left_index=True, right_index=True)
    c.tz_localize("UTC").tz_convert("America/New_York")
    try:
        1 / 0
    except ZeroDivisionError:
        traceback.print_exc()
    return c.rolling(5).mean() < c
"#;
    let report = outcome(&run(code));
    assert_eq!(report.outcome, Outcome::Succeeded, "{:?}", report.fault);
    assert!(
        report.output.contains("ZeroDivisionError") && report.output.contains("UserWarning: late"),
        "{}",
        report.output
    );
}
