//! The command line as a user has it: the real binary, its exit codes, what it prints, and what it points at.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that fails says where")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const GOOD: &str = "def strategy(data):\n    return data[\"close\"] * 0\n";
const BAD: &str = "import os\n\n\ndef strategy(data):\n    return data[\"close\"] * 0\n";
const LAZY: &str = "def strategy(data):\n    import math\n\n    return data[\"close\"] * math.pi\n";

/// A folder of its own for a test, with files in it.
struct Files(PathBuf);

impl Files {
    fn new(test: &str, files: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("cli-{test}"));
        let _ = std::fs::remove_dir_all(&folder);
        for (name, text) in files {
            let path = folder.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut child = Command::new(env!("CARGO_BIN_EXE_stratbox"))
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(&[&["validate", "--format", "json"], arguments].concat());
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("killed: {output:?}"))
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn err(output: &Output) -> &str {
    std::str::from_utf8(&output.stderr).unwrap()
}

fn manifest(name: &str, code: &str) -> String {
    let indented: String = code
        .lines()
        .map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") })
        .collect();
    format!(
        "apiVersion: stratbox.dev/v1alpha1\nkind: StrategyRun\nmetadata: {{name: {name}}}\nspec:\n  code: |\n{indented}"
    )
}

/// Position of a finding of a rule.
fn position(findings: &[Value], rule: &str) -> [u64; 4] {
    let found =
        findings.iter().find(|finding| finding["ruleId"] == rule).unwrap_or_else(|| panic!("{findings:#?}"));
    ["line", "column", "endLine", "endColumn"].map(|key| found[key].as_u64().unwrap())
}

#[test]
fn exit_codes_say_clean_refused_and_not_judged() {
    let files = Files::new(
        "codes",
        &[
            ("good.py", GOOD),
            ("bad.py", BAD),
            ("lazy.py", LAZY),
            ("empty/readme.txt", "nothing here"),
            ("other.yaml", "kind: ConfigMap\n"),
            ("broken.yaml", "kind: StrategyRun\nspec: {code: [\n"),
            ("policy.yaml", "severityOverrides: {IMP004: error}\n"),
            ("misspelt.yaml", "severityOverrides: {IMP999: error}\n"),
        ],
    );
    for (arguments, wanted) in [
        (&["good.py"][..], 0),
        (&["lazy.py"], 0),
        (&["bad.py"], 1),
        (&["good.py", "bad.py"], 1),
        (&["--policy", "policy.yaml", "lazy.py"], 1),
        (&["--policy", "misspelt.yaml", "good.py"], 2),
        (&["--policy", "missing.yaml", "good.py"], 2),
        (&["missing.py"], 2),
        (&["bad.py", "missing.py"], 2),
        (&["empty"], 2),
        (&["other.yaml"], 2),
        (&["broken.yaml"], 2),
        (&["--format", "xml", "good.py"], 2),
        (&[], 2),
    ] {
        let output = files.run(&[&["validate"], arguments].concat());
        assert_eq!(code(&output), wanted, "{arguments:?}: {output:?}");
        assert_eq!(wanted == 2, !output.stderr.is_empty(), "{arguments:?}: {output:?}");
    }
    // What could be judged is told even if something else could not be read.
    let both = files.run(&["validate", "bad.py", "missing.py"]);
    assert!(out(&both).contains("error[IMP001]") && err(&both).contains("missing.py"), "{both:?}");
}

#[test]
fn stdin_is_python_or_a_manifest() {
    let files = Files::new("stdin", &[("unused.py", GOOD)]);
    assert_eq!(code(&files.run_with(&["validate", "-"], GOOD)), 0);
    let bad = files.run_with(&["validate", "-"], BAD);
    assert_eq!(code(&bad), 1);
    assert!(out(&bad).contains(" --> <stdin>:1:8\n"), "{bad:?}");
    let run = files.run_with(&["validate", "-"], &manifest("piped", BAD));
    assert_eq!(code(&run), 1);
    assert!(out(&run).contains(" --> <stdin>:6:12 (StrategyRun piped)\n"), "{run:?}");
}

#[test]
fn the_text_output_shows_the_line_and_a_way_out() {
    let files = Files::new("text", &[("bad.py", BAD)]);
    let wanted = "error[IMP001]: the module `os` is not in the allow-list: a strategy only computes on the data it is given
 --> bad.py:1:8
  |
1 | import os
  |        ^^
  = help: delete it: a strategy has no files, processes or interpreter; use `data` and `params`

1 program checked: 1 error, 0 warnings
";
    assert_eq!(out(&files.run(&["validate", "bad.py"])), wanted);
    // Absolute paths below the working folder are shown relative to it, as code scanning wants them.
    let absolute = files.0.join("bad.py");
    assert_eq!(out(&files.run(&["validate", absolute.to_str().unwrap()])), wanted);
}

#[test]
fn findings_point_into_the_manifest() {
    let stream = format!(
        "# two\n{}---\nkind: ConfigMap\nspec: 1\n---\n{}",
        manifest("one", GOOD),
        manifest("two", BAD)
    );
    let quoted = "kind: StrategyRun\nspec:\n  code: \"import os\\nposition = data['close']\\n\"\n";
    let folded = "kind: StrategyRun\nspec:\n  code: >-\n    import os\n\n    position = 1\n";
    let files = Files::new(
        "manifest",
        &[
            ("stream.yaml", &stream),
            ("windows.yml", &manifest("crlf", BAD).replace('\n', "\r\n")),
            ("quoted.yaml", quoted),
            ("folded.yaml", folded),
        ],
    );
    let found = files.json(&["stream.yaml"]);
    let line = stream.lines().position(|line| line.trim() == "import os").unwrap() as u64 + 1;
    assert_eq!(position(&found, "IMP001"), [line, 12, line, 14]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["run"], "two");
    assert_eq!(position(&files.json(&["windows.yml"]), "IMP001"), [6, 12, 6, 14]);
    assert_eq!(position(&files.json(&["quoted.yaml"]), "IMP001")[..2], [3, 9]);
    let folded = position(&files.json(&["folded.yaml"]), "IMP001");
    assert_eq!(folded[..2], [3, 3]);
}

#[test]
fn folders_are_walked_in_order_and_strangers_passed_over() {
    let files = Files::new(
        "folder",
        &[
            ("d/b.py", BAD),
            ("d/a/z.py", BAD),
            ("d/c.yaml", &manifest("c", BAD)),
            ("d/.hidden/x.py", BAD),
            ("d/template.yaml", "{{- if .Values.x }}\n"),
            ("d/notes.txt", BAD),
            (
                "d/elsewhere.yaml",
                "kind: StrategyRun\nmetadata: {name: far}\nspec: {codeFrom: {configMapKeyRef: {name: a, key: b}}}\n",
            ),
        ],
    );
    let output = files.run(&["validate", "--format", "json", "d"]);
    let found: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let paths: Vec<_> = found.iter().map(|finding| finding["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["d/a/z.py", "d/b.py", "d/c.yaml"]);
    assert!(err(&output).contains("StrategyRun far has no spec.code here: not checked"), "{output:?}");
    assert_eq!(code(&output), 1);
}

#[test]
fn json_has_what_a_program_needs() {
    let files = Files::new("json", &[("bad.py", BAD), ("good.py", GOOD)]);
    let found = files.json(&["bad.py"]);
    for key in
        ["path", "ruleId", "severity", "message", "hint", "line", "column", "endLine", "endColumn", "snippet"]
    {
        assert!(!found[0][key].is_null(), "{key}: {found:#?}");
    }
    assert_eq!(files.json(&["good.py"]), Vec::<Value>::new());
}

#[test]
fn sarif_has_what_code_scanning_needs() {
    let files = Files::new(
        "sarif",
        &[("a dir/bad.py", BAD), ("lazy.py", LAZY), ("twice.py", "import os\nimport os\n")],
    );
    let output = files.run(&["validate", "--format", "sarif", "."]);
    assert_eq!(code(&output), 1);
    let log: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), stratbox::strategy::RULES.len());
    for rule in rules {
        for path in ["/id", "/name", "/shortDescription/text", "/fullDescription/text", "/help/text"] {
            assert!(
                rule.pointer(path).and_then(Value::as_str).is_some_and(|text| !text.is_empty()),
                "{path}: {rule}"
            );
        }
        let score: f64 = rule["properties"]["security-severity"].as_str().unwrap().parse().unwrap();
        assert!(score > 0.0 && score <= 10.0);
        assert!(["high", "medium"].contains(&rule["properties"]["precision"].as_str().unwrap()));
        assert!(["error", "warning"].contains(&rule["defaultConfiguration"]["level"].as_str().unwrap()));
    }
    let results = run["results"].as_array().unwrap();
    let mut prints = std::collections::BTreeSet::new();
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.starts_with('/') && !uri.contains([' ', ':']), "{uri}");
        assert!(place["region"]["startLine"].as_u64().unwrap() >= 1);
        assert!(
            prints.insert(result["partialFingerprints"]["ruleAndLine/v1"].as_str().unwrap().to_owned()),
            "{result}"
        );
    }
    assert!(results.iter().any(|result| result["level"] == "warning"));
    assert!(out(&output).contains("a%20dir/bad.py"));
}

#[test]
fn rules_are_listed_and_explained() {
    let files = Files::new("rules", &[("unused.py", GOOD)]);
    let list = files.run(&["rules"]);
    assert_eq!((code(&list), out(&list).lines().count()), (0, stratbox::strategy::RULES.len()));
    let one = files.run(&["rule", "IMP001"]);
    assert!(code(&one) == 0 && out(&one).starts_with("IMP001 (error, core)\n\nThe module is not"), "{one:?}");
    assert_eq!(code(&files.run(&["rule", "XYZ999"])), 2);
}

/// The README shows the command's help. `UPDATE=1` writes it.
#[test]
fn the_readme_has_the_help_of_validate() {
    const BEGIN: &str = "<!-- validate: begin -->\n```\n";
    const END: &str = "```\n<!-- validate: end -->";
    let files = Files::new("help", &[("unused.py", GOOD)]);
    let help = files.run(&["validate", "-h"]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).expect("the marker of the help's begin");
    let (_, after) = rest.split_once(END).expect("the marker of the help's end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", out(&help));
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    assert!(
        std::fs::read_to_string(&path).unwrap() == wanted,
        "README.md is behind src/cli/validate.rs: run UPDATE=1 cargo test --test cli"
    );
}
