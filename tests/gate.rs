//! The gate against its corpus and against hostile input: nothing here may pass that should not, refuse what is
//! honest, panic, or take the process down.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::format_collect,
    reason = "a test says by panicking what is wrong"
)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use proptest::prelude::*;
use stratbox::strategy::{
    AllowedImport, Entry, Findings, Level, Policy, RULES, Severity, ValidatedStrategy, check,
};

/// Longest a verdict may take. Debug builds of the parsers are an order of magnitude slower, and a busy machine slower again.
const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 90 } else { 2 });
/// Stack of an ordinary worker thread.
const WORKER_STACK: usize = 2 << 20;

fn gate(code: &str) -> Result<ValidatedStrategy, Findings> {
    check(code.as_bytes(), &Policy::default())
}

fn corpus(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/strategies").join(folder);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    files.sort();
    files
}

fn rules(findings: &Findings) -> Vec<&'static str> {
    findings.items().iter().filter(|f| f.severity == Severity::Error).map(|f| f.rule).collect()
}

#[test]
fn every_realistic_strategy_is_accepted_without_a_word() {
    let files = corpus("accepted");
    assert!(files.len() >= 60, "{} accepted programs", files.len());
    for file in files {
        let code = std::fs::read(&file).unwrap();
        match check(&code, &Policy::default()) {
            Ok(strategy) => assert_eq!(strategy.warnings(), [], "{}", file.display()),
            Err(findings) => panic!("{}: {:#?}", file.display(), findings.items()),
        }
    }
}

#[test]
fn what_only_the_checks_can_find_passes_the_gate() {
    for folder in ["lookahead", "honest", "nondeterministic"] {
        for file in corpus(folder) {
            let findings = gate(&std::fs::read_to_string(&file).unwrap()).err();
            assert!(findings.is_none(), "{}: {findings:#?}", file.display());
        }
    }
}

#[test]
fn every_hostile_program_is_refused_by_the_rule_it_names() {
    let files = corpus("rejected");
    assert!(files.len() >= 150, "{} rejected programs", files.len());
    let mut named = std::collections::BTreeSet::new();
    for file in files {
        let code = std::fs::read(&file).unwrap();
        let first = code.split(|byte| *byte == b'\n').next().unwrap();
        let rule = std::str::from_utf8(first).unwrap().strip_prefix("# rule: ").unwrap().trim();
        let findings = check(&code, &Policy::default())
            .err()
            .unwrap_or_else(|| panic!("{} was accepted", file.display()));
        assert!(rules(&findings).contains(&rule), "{}: {:#?}", file.display(), findings.items());
        named.insert(rule.to_owned());
    }
    // Rules that no program of reasonable size can show, or that only warn.
    let unshown = ["SRC001", "PAR003", "PAR004", "CON003", "IMP004"];
    for rule in RULES.iter().filter(|rule| !unshown.contains(&rule.id)) {
        assert!(named.contains(rule.id), "no rejected program names {}", rule.id);
    }
}

#[test]
fn findings_are_ordered_and_within_the_text() {
    for file in corpus("rejected") {
        let code = std::fs::read(&file).unwrap();
        let Err(findings) = check(&code, &Policy::default()) else {
            continue;
        };
        let lines = code.split(|byte| matches!(byte, b'\n')).count();
        assert!(findings.items().is_sorted_by_key(|finding| finding.span), "{}", file.display());
        assert_eq!(findings.total(), findings.items().len());
        for finding in findings.items() {
            assert!(finding.span.line >= 1 && finding.span.column >= 1);
            assert!(finding.span.line as usize <= lines, "{}: {finding:?}", file.display());
            assert!(finding.snippet.chars().count() <= 80);
            assert!(!finding.message.is_empty() && !finding.hint.is_empty());
        }
    }
}

#[test]
fn warnings_do_not_block_and_overrides_do_what_they_may() {
    let endless =
        "def f():\n    while True:\n        pass\n\n\ndef strategy(data):\n    return data['close']\n";
    let accepted = gate(endless).unwrap();
    assert_eq!(accepted.warnings().iter().map(|w| w.rule).collect::<Vec<_>>(), ["RES005"]);
    let with = |rule: &str, level| Policy {
        severity_overrides: [(rule.to_owned(), level)].into(),
        ..Policy::default()
    };
    assert!(check(endless.as_bytes(), &with("RES005", Level::Error)).is_err());
    assert_eq!(check(endless.as_bytes(), &with("RES005", Level::Off)).unwrap().warnings(), []);
    let hostile = "import os\n\n\ndef strategy(data):\n    return eval('1')\n";
    for rule in ["IMP001", "BLT001"] {
        let findings = check(hostile.as_bytes(), &with(rule, Level::Off)).unwrap_err();
        assert!(rules(&findings).contains(&rule));
    }
    let lazy =
        "def strategy(data):\n    import math\n    if len(data):\n        return data['close'] * math.pi\n";
    let warned: Vec<_> = gate(lazy).unwrap().warnings().iter().map(|w| w.rule).collect();
    assert_eq!(warned, ["CON003", "IMP004"]);
    let quoted = "def strategy(data: \"print('x')\"):\n    return data['close']\n";
    assert_eq!(gate(quoted).unwrap().warnings()[0].rule, "ANN001");
}

#[test]
fn a_policy_may_add_modules_with_an_attribute_list() {
    let code = "import scipy.stats as st\n\n\ndef strategy(data):\n    return st.zscore(data['close'])\n";
    assert!(gate(code).is_err());
    let policy = |names: &[&str]| Policy {
        allowed_imports: vec![AllowedImport {
            module: "scipy.stats".into(),
            names: names.iter().map(ToString::to_string).collect(),
        }],
        ..Policy::default()
    };
    assert!(check(code.as_bytes(), &policy(&["zscore"])).is_ok());
    let findings = check(code.as_bytes(), &policy(&["rankdata"])).unwrap_err();
    assert_eq!(rules(&findings), ["PDS002"]);
}

#[test]
fn the_canonical_text_is_what_is_hashed() {
    let plain = "def strategy(data):\n    return data['close']\n";
    let windows = format!("\u{feff}{}", plain.replace('\n', "\r\n"));
    let (a, b) = (gate(plain).unwrap(), gate(&windows).unwrap());
    assert_eq!(a.code(), plain);
    assert_eq!((a.code(), a.sha256()), (b.code(), b.sha256()));
    assert_eq!(a.sha256().len(), 64);
    assert_eq!(a.entry(), Entry::Function { params: false });
    assert_eq!(gate("position = data['close'] * 0\n").unwrap().entry(), Entry::Script);
    assert_eq!(
        gate("def strategy(data, params=None):\n    return data['close']\n").unwrap().entry(),
        Entry::Function { params: true }
    );
}

#[test]
fn messages_say_how_to_rewrite_finlab() {
    let findings =
        gate("from finlab import data\n\nclose = data.get('price:收盤價')\nposition = close > 1\n")
            .unwrap_err();
    let import = findings.items().iter().find(|f| f.rule == "IMP001").unwrap();
    assert!(import.hint.contains("data[\"close\"]"), "{}", import.hint);
    let get = findings.items().iter().find(|f| f.rule == "CON004").unwrap();
    assert!(get.hint.contains("data[\"close\"]"), "{}", get.hint);
    assert_eq!((get.span.line, get.span.column), (3, 9));
}

#[test]
fn bad_bytes_get_a_finding_and_no_time() {
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("ten megabytes", vec![b'a'; 10 << 20], "SRC001"),
        ("just too large", vec![b'#'; 128 * 1024 + 1], "SRC001"),
        ("binary", (0..=255).cycle().take(100_000).collect(), "SRC002"),
        ("empty", Vec::new(), "CON001"),
        ("blank", b"\n  \n".to_vec(), "CON001"),
        ("nul", b"def strategy(data):\n    return 0 # \0\n".to_vec(), "SRC004"),
        ("cookie", b"# coding: utf-7\nposition = 1\n".to_vec(), "SRC003"),
        ("cr", b"# x\rimport os\nposition = 1\n".to_vec(), "SRC005"),
        ("brackets", ["(".repeat(50_000), ")".repeat(50_000)].concat().into_bytes(), "SRC007"),
        ("digits", format!("position = {}\n", "9".repeat(5_000)).into_bytes(), "SRC007"),
        ("bom twice", b"\xEF\xBB\xBF\xEF\xBB\xBFposition = 1\n".to_vec(), "SRC004"),
        ("all nul", vec![0; 128 * 1024], "SRC004"),
        ("all carriage returns", vec![b'\r'; 128 * 1024], "SRC005"),
    ];
    for (name, bytes, rule) in cases {
        let start = Instant::now();
        let findings = check(&bytes, &Policy::default()).err().unwrap_or_else(|| panic!("{name} passed"));
        assert!(rules(&findings).contains(&rule), "{name}: {:?}", findings.items().first());
        assert!(findings.total() < 1_000, "{name}: {}", findings.total());
        assert!(start.elapsed() < PATIENCE, "{name}: {:?}", start.elapsed());
    }
}

/// Breaks lines so that only depth, not a long line, can be what is refused.
fn wrapped(open: &str, times: usize, middle: &str, close: &str) -> String {
    let repeat = |piece: &str| {
        let mut out = String::with_capacity(times * piece.len() + times / 10);
        for i in 0..times {
            out.push_str(piece);
            if i % 100 == 99 && !piece.is_empty() {
                out.push('\n');
            }
        }
        out
    };
    format!("{}{middle}{}", repeat(open), repeat(close))
}

#[expect(clippy::too_many_lines, reason = "a table of shapes, one arm each")]
fn hostile(shape: &str, n: usize) -> String {
    let chain = |open: &str, middle: &str, close: &str| {
        format!("position = (\n{}\n)\n", wrapped(open, n, middle, close))
    };
    match shape {
        "parentheses" => chain("(", "1", ")"),
        "unclosed" => format!("position = {}", wrapped("(", n, "", "")),
        "lists" => chain("[", "", "]"),
        "braces" => chain("{", "1", "}"),
        "mixed" => chain("([{", "1", "}])"),
        "minus" => chain("-", "1", ""),
        "invert" => chain("~ ", "1", ""),
        "not" => chain("not ", "1", ""),
        "await" => chain("await ", "1", ""),
        "lambda" => chain("lambda: ", "1", ""),
        "lambda with commas" => chain("lambda a, b: ", "1", ""),
        "lambda defaults" => chain("lambda a=", "1", ": 1"),
        "power" => chain("1**", "1", ""),
        "ternary" => chain("1 if 1 else ", "1", ""),
        "attributes" => chain("", "1", ".a"),
        "calls" => chain("", "print", "()"),
        "nested calls" => chain("print(", "1", ")"),
        "subscripts" => chain("", "data", "[0]"),
        "nested subscripts" => chain("data[", "0", "]"),
        "plus" => chain("1+", "1", ""),
        "and" => chain("1 and ", "1", ""),
        "compare" => chain("1 < ", "1", ""),
        "starred" => chain("*", "1", ""),
        "walrus" => chain("(x:=", "1", ")"),
        "dict values" => chain("{1:", "1", "}"),
        "comprehensions" => chain("[x for x in ", "y", "]"),
        "strings" => chain("'a' ", "'b'", ""),
        "chained assignment" => format!("{}1\nposition = 1\n", "a = \\\n".repeat(n)),
        "elif" => format!("if 1:\n pass\n{}position = 1\n", "elif 1:\n pass\n".repeat(n)),
        "else if" => {
            let deep: String =
                (0..n.min(400)).map(|i| format!("{0}if 1:\n{0} pass\n{0}else:\n", " ".repeat(i))).collect();
            format!("{deep}{}pass\nposition = 1\n", " ".repeat(n.min(400)))
        }
        "blocks" => {
            let deep: String = (0..n.min(400)).map(|i| format!("{}if 1:\n", " ".repeat(i))).collect();
            format!("{deep}{}pass\nposition = 1\n", " ".repeat(n.min(400)))
        }
        "one-line blocks" => format!("{}pass\nposition = 1\n", "if 1: ".repeat(n)),
        "functions" => {
            let deep: String = (0..n.min(400)).map(|i| format!("{}def f():\n", " ".repeat(i))).collect();
            format!("{deep}{}pass\nposition = 1\n", " ".repeat(n.min(400)))
        }
        "decorators" => format!("{}def f(): pass\nposition = 1\n", "@print\n".repeat(n)),
        "f-strings" => {
            let deep = (0..n.min(2_000)).fold("1".to_owned(), |inner, _| format!("f\"{{{inner}}}\""));
            format!("position = {deep}\n")
        }
        "f-string braces" => format!("position = f\"\"\"{}1{}\"\"\"\n", "{".repeat(n), "}".repeat(n)),
        "f-string operators" => format!("position = f\"\"\"{{1{}}}\"\"\"\n", "\n+1".repeat(n)),
        "f-string parentheses" => {
            format!("position = f\"\"\"{{{}1{}}}\"\"\"\n", "(".repeat(n), ")".repeat(n))
        }
        "f-string specs" => format!("position = f\"\"\"{{1:{}1{}}}\"\"\"\n", "{1:".repeat(n), "}".repeat(n)),
        "patterns" => format!(
            "match 1:\n case {}1{}: pass\nposition = 1\n",
            wrapped("[", n, "", ""),
            wrapped("]", n, "", "")
        ),
        "pattern alternatives" => {
            format!("match 1:\n case (1{}): pass\nposition = 1\n", wrapped("|1", n, "", ""))
        }
        "class patterns" => format!(
            "match 1:\n case {}1{}: pass\nposition = 1\n",
            wrapped("int(", n, "", ""),
            wrapped(")", n, "", "")
        ),
        "annotations" => format!("x: {} = 1\nposition = 1\n", wrapped("list[", n, "int", "]")),
        "type parameters" => format!("type X[{}] = int\nposition = 1\n", wrapped("T: (", n, "int", ")")),
        "with" => {
            format!("with ({}1{}): pass\nposition = 1\n", wrapped("(", n, "", ""), wrapped(")", n, "", ""))
        }
        "imports" => format!("import {}\nposition = 1\n", wrapped("a.", n, "b", "")),
        "names" => format!("{}position = 1\n", "open = open\n".repeat(n)),
        "semicolons" => format!("{}\nposition = 1\n", wrapped("a=1;", n, "a=1", "").replace(";\n", "\n")),
        "modules" => format!("{}{}position = 1\n", "import math as m\n".repeat(n / 2), "m\n".repeat(n)),
        "wrappers" => {
            format!("{}{}position = 1\n", "from functools import wraps as w\n".repeat(n / 4), "w\n".repeat(n))
        }
        "instances" => format!("class A: pass\n{}position = 1\n", "x = A(); x.a = 1\n".repeat(n)),
        "objects" => format!(
            "class A:\n def agg(self, f): return f\n{}{}position = 1\n",
            "a = A()\n".repeat(n / 2),
            "a.agg(a)\n".repeat(n / 2)
        ),
        "slots" => format!("class A:\n{}position = 1\n", " __slots__ = ()\n".repeat(n)),
        "wrapped" => format!(
            "def d(f):\n return f\n{}{}position = 1\n",
            "@d\ndef f(x): pass\n".repeat(n / 4),
            "data.agg(f)\n".repeat(n / 4)
        ),
        "reducers" => format!("m = ['mean']\n{}position = 1\n", "data.agg(m)\n".repeat(n)),
        "methods" => {
            format!("class A:\n def m(self): data.agg(self.m)\n{}position = 1\n", "data.agg(A.m)\n".repeat(n))
        }
        "agg" => format!("m = 'x'\n{}position = 1\n", "data.agg(m)\n".repeat(n)),
        "backslashes" => format!("x = 1{}\nposition = 1\n", "\\\n+1".repeat(n)),
        "unterminated" => format!("position = '''{}", "\n{".repeat(n)),
        "digits" => format!("position = {}\n", wrapped("9_", n, "9", "").replace('\n', "")),
        "dots" => format!("from {} import x\nposition = 1\n", ".".repeat(n)),
        "global" => format!("def f():\n{}position = 1\n", " global a\n".repeat(n)),
        _ => panic!("no such shape: {shape}"),
    }
}

const SHAPES: &[&str] = &[
    "parentheses",
    "unclosed",
    "lists",
    "braces",
    "mixed",
    "minus",
    "invert",
    "not",
    "await",
    "lambda",
    "lambda with commas",
    "lambda defaults",
    "power",
    "ternary",
    "attributes",
    "calls",
    "nested calls",
    "subscripts",
    "nested subscripts",
    "plus",
    "and",
    "compare",
    "starred",
    "walrus",
    "dict values",
    "comprehensions",
    "strings",
    "chained assignment",
    "elif",
    "else if",
    "blocks",
    "one-line blocks",
    "functions",
    "decorators",
    "f-strings",
    "f-string braces",
    "f-string operators",
    "f-string parentheses",
    "f-string specs",
    "patterns",
    "pattern alternatives",
    "class patterns",
    "annotations",
    "type parameters",
    "with",
    "imports",
    "names",
    "semicolons",
    "modules",
    "wrappers",
    "instances",
    "objects",
    "slots",
    "wrapped",
    "reducers",
    "methods",
    "agg",
    "backslashes",
    "unterminated",
    "digits",
    "dots",
    "global",
];

#[test]
fn hostile_nesting_never_takes_the_process_down() {
    for shape in SHAPES {
        for n in [100, 3_000, 8_000, 30_000, 120_000] {
            let mut code = hostile(shape, n);
            code.truncate(1 << 20);
            let length = code.len();
            let start = Instant::now();
            let verdict = std::thread::Builder::new()
                .stack_size(WORKER_STACK)
                .spawn(move || gate(&code).map_err(|findings| rules(&findings)))
                .unwrap()
                .join()
                .unwrap_or_else(|_| panic!("{shape} × {n} panicked"));
            let took = start.elapsed();
            assert!(took < PATIENCE, "{shape} × {n} ({length} bytes) took {took:?}");
            if let Err(rules) = verdict {
                assert!(!rules.is_empty() && !rules.contains(&"PAR003"), "{shape} × {n}: {rules:?}");
            }
        }
    }
}

#[test]
fn identifiers_beyond_ascii_are_refused_in_every_position() {
    let positions = [
        "x = @",
        "@ = 1",
        "del @",
        "x = a.@",
        "a.@ = 1",
        "def @(): pass",
        "class @: pass",
        "def f(@): pass",
        "def f(*@): pass",
        "def f(**@): pass",
        "def f(*, @=1): pass",
        "def f(@, /): pass",
        "lambda @: 1",
        "import @",
        "import math as @",
        "import a.@",
        "from @ import x",
        "from math import @",
        "from math import sqrt as @",
        "f(@=1)",
        "class A(@=1): pass",
        "for @ in []: pass",
        "with print() as @: pass",
        "try: pass\nexcept E as @: pass",
        "def f():\n    global @",
        "def f():\n    nonlocal @",
        "match 1:\n    case @: pass",
        "match 1:\n    case int(@=x): pass",
        "match 1:\n    case [*@]: pass",
        "match 1:\n    case {**@}: pass",
        "match 1:\n    case 1 as @: pass",
        "match 1:\n    case a.@: pass",
        "def f[@](): pass",
        "class A[*@]: pass",
        "type @ = int",
        "type X[**@] = int",
        "(@ := 1)",
        "[1 for @ in []]",
        "f'{@}'",
        "f'{1:{@}}'",
        "f'{@=}'",
        "@: int = 1",
        "x: @ = 1",
        "@ += 1",
    ];
    for position in positions {
        for name in ["ｅval", "𝓮𝓿𝓪𝓵", "ºs", "ﬁle", "收盤價"] {
            let code = format!(
                "{}\n\n\ndef strategy(data):\n    return data['close']\n",
                position.replace('@', name)
            );
            let findings = gate(&code).err().unwrap_or_else(|| panic!("accepted: {code}"));
            assert!(rules(&findings).contains(&"SRC008"), "{code}: {:?}", findings.items());
        }
    }
}

/// Pieces of Python that meet in all orders: closer to real programs than random bytes.
const PIECES: &[&str] = &[
    "def ",
    "strategy",
    "(data)",
    ":",
    "\n",
    "\n    ",
    "return ",
    "data",
    "[\"close\"]",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "lambda ",
    "x",
    " = ",
    "import ",
    "numpy",
    " as ",
    "np",
    ".",
    "mean",
    "f\"",
    "\"",
    "'",
    "{x}",
    "{0.a}",
    "format",
    "if ",
    "else",
    "for ",
    " in ",
    "while True",
    "class A",
    "self",
    "__class__",
    "eval",
    "open",
    "match ",
    "case ",
    "try",
    "except*",
    "async ",
    "await ",
    "yield ",
    "*",
    "**",
    "@",
    ":=",
    "\\\n",
    "\t",
    "#",
    "é",
    "ｅ",
    "\u{202e}",
    "\0",
    "\r",
    "9999999999",
    "1e9",
    "0x",
    "agg",
    "\"\"\"",
    "type ",
    "global ",
    "del ",
    "%",
    "!r",
    "!",
    "$",
    "?",
    "`",
    ";",
    ",",
    "->",
    "position",
    "t\"",
    "b'",
    "rb'",
    "None",
];

// `PROPTEST_CASES` asks for more than the 256 cases each.
proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        if let Err(findings) = check(&bytes, &Policy::default()) {
            prop_assert!(!rules(&findings).contains(&"PAR003"));
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,400}") {
        if let Err(findings) = gate(&text) {
            prop_assert!(!rules(&findings).contains(&"PAR003"));
        }
    }

    #[test]
    fn no_soup_of_python_makes_it_panic(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..120)) {
        if let Err(findings) = gate(&pieces.concat()) {
            prop_assert!(!findings.items().is_empty());
            prop_assert!(!rules(&findings).contains(&"PAR003"));
        }
    }

    /// A damaged honest program is judged or refused, never mistaken: if it passes, both parsers read it alike.
    #[test]
    fn no_damage_to_a_strategy_makes_it_panic(at in 0_usize..2_000, piece in proptest::sample::select(PIECES), which in 0_usize..60) {
        let files = corpus("accepted");
        let mut code = std::fs::read_to_string(&files[which % files.len()]).unwrap();
        let mut at = at % code.len();
        while !code.is_char_boundary(at) {
            at -= 1;
        }
        code.insert_str(at, piece);
        if let Err(findings) = gate(&code) {
            prop_assert!(!rules(&findings).contains(&"PAR003"));
        }
    }
}
