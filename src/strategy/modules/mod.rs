//! Which modules a strategy may import and which names it may take from them.
//!
//! Allow-lists by exact dotted name, made from the real libraries: a list of forbidden callables never ends, and
//! pandas and numpy reach the operating system through submodules (`pandas.io.common` imports `os`).

mod numpy;
mod pandas;
mod stdlib;

use super::policy::Policy;

/// One importable module and what may be taken from it.
struct Module {
    name: &'static str,
    names: &'static [&'static str],
}

const fn module(name: &'static str, names: &'static [&'static str]) -> Module {
    Module { name, names }
}

/// The allow-list, sorted by name.
const MODULES: &[Module] = &[
    module("__future__", stdlib::FUTURE),
    module("abc", stdlib::ABC),
    module("bisect", stdlib::BISECT),
    module("cmath", stdlib::CMATH),
    module("collections", stdlib::COLLECTIONS),
    module("collections.abc", stdlib::COLLECTIONS_ABC),
    module("dataclasses", stdlib::DATACLASSES),
    module("datetime", stdlib::DATETIME),
    module("decimal", stdlib::DECIMAL),
    module("enum", stdlib::ENUM),
    module("fractions", stdlib::FRACTIONS),
    module("functools", stdlib::FUNCTOOLS),
    module("heapq", stdlib::HEAPQ),
    module("itertools", stdlib::ITERTOOLS),
    module("logging", stdlib::LOGGING),
    module("math", stdlib::MATH),
    module("numbers", stdlib::NUMBERS),
    module("numpy", numpy::NUMPY),
    module("numpy.fft", numpy::FFT),
    module("numpy.lib.stride_tricks", numpy::STRIDE_TRICKS),
    module("numpy.linalg", numpy::LINALG),
    module("numpy.random", numpy::RANDOM),
    module("numpy.typing", numpy::TYPING),
    module("pandas", pandas::PANDAS),
    module("pandas.api.types", pandas::TYPES),
    module("pandas.offsets", pandas::OFFSETS),
    module("pandas.tseries.offsets", pandas::OFFSETS),
    module("statistics", stdlib::STATISTICS),
    module("typing", stdlib::TYPING),
];

/// Modules that give the interpreter or the machine away: no policy may allow them, nor anything below them.
const NEVER: &[&str] = &[
    "_thread",
    "ast",
    "asyncio",
    "atexit",
    "builtins",
    "cffi",
    "code",
    "codecs",
    "codeop",
    "concurrent",
    "copyreg",
    "ctypes",
    "dill",
    "dis",
    "faulthandler",
    "fcntl",
    "gc",
    "imp",
    "importlib",
    "inspect",
    "io",
    "joblib",
    "linecache",
    "marshal",
    "mmap",
    "multiprocessing",
    "os",
    "pathlib",
    "pdb",
    "pickle",
    "pickletools",
    "pkgutil",
    "platform",
    "posix",
    "pty",
    "resource",
    "runpy",
    "shelve",
    "shutil",
    "signal",
    "site",
    "socket",
    "ssl",
    "subprocess",
    "sys",
    "sysconfig",
    "tempfile",
    "threading",
    "timeit",
    "traceback",
    "types",
    "weakref",
    "zipimport",
];

/// What the gate knows about a dotted name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// A module that may be imported.
    Module,
    /// Not importable itself, but an importable module lies below it (`numpy.lib`).
    Package,
    /// Neither.
    Unknown,
}

/// Reachable as attributes of a module, though there is no module of the name to import.
pub(super) const ONLY_ATTRIBUTES: &[&str] = &["pandas.offsets"];

/// Looks a dotted module name up.
pub(super) fn lookup(name: &str, policy: &Policy) -> Known {
    if is_never(name) {
        return Known::Unknown;
    }
    if find(name).is_some() || policy.allowed_imports.iter().any(|allowed| allowed.module == name) {
        return Known::Module;
    }
    let below = |candidate: &str| candidate.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'));
    if MODULES.iter().any(|m| below(m.name))
        || policy.allowed_imports.iter().any(|allowed| below(&allowed.module))
    {
        return Known::Package;
    }
    Known::Unknown
}

/// Whether `name` may be taken from the module `module`.
pub(super) fn allows(module: &str, name: &str, policy: &Policy) -> bool {
    if is_never(module) || name.starts_with('_') {
        return false;
    }
    find(module).is_some_and(|m| m.names.binary_search(&name).is_ok())
        || policy
            .allowed_imports
            .iter()
            .any(|allowed| allowed.module == module && allowed.names.iter().any(|n| n == name))
}

/// The modules of the allow-list in words, for a hint.
pub(super) fn top_level() -> String {
    let names: Vec<&str> =
        MODULES.iter().map(|m| m.name).filter(|name| !name.contains('.') && *name != "__future__").collect();
    names.join(", ")
}

fn find(name: &str) -> Option<&'static Module> {
    MODULES.binary_search_by(|m| m.name.cmp(name)).ok().map(|at| &MODULES[at])
}

fn is_never(name: &str) -> bool {
    let root = name.split('.').next().unwrap_or(name);
    NEVER.binary_search(&root).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_for_binary_search() {
        assert!(MODULES.is_sorted_by(|a, b| a.name < b.name));
        assert!(NEVER.is_sorted(), "{:?}", NEVER.windows(2).find(|w| w[0] > w[1]));
        for module in MODULES {
            assert!(module.names.is_sorted_by(|a, b| a < b), "{}", module.name);
        }
    }

    #[test]
    fn a_policy_adds_names_but_never_the_operating_system() {
        let policy = Policy {
            allowed_imports: vec![
                super::super::policy::AllowedImport {
                    module: "scipy.stats".into(),
                    names: vec!["zscore".into()],
                },
                super::super::policy::AllowedImport { module: "os".into(), names: vec!["system".into()] },
            ],
            ..Policy::default()
        };
        assert_eq!(lookup("scipy.stats", &policy), Known::Module);
        assert_eq!(lookup("scipy", &policy), Known::Package);
        assert!(allows("scipy.stats", "zscore", &policy));
        assert_eq!(lookup("os", &policy), Known::Unknown);
        assert!(!allows("os", "system", &policy));
    }
}
