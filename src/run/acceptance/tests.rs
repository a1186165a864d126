//! Expressions that are judged, and those that are not let through.

use super::*;

fn acceptance(texts: &[&str]) -> Acceptance {
    let expressions = texts.iter().map(|text| (*text).to_owned()).collect();
    Acceptance { expressions, on_reject: OnReject::Report }
}

fn metrics() -> Metrics {
    Metrics { sharpe_ratio: Some(0.38), max_drawdown: Some(-0.5), trades: Some(40), ..Metrics::default() }
}

fn judge(text: &str) -> Judged {
    read(&acceptance(&[text])).unwrap_or_else(|error| panic!("{error}")).judge(&metrics())
}

fn problem(text: &str) -> String {
    read(&acceptance(&[text])).expect_err(text).to_string()
}

#[test]
fn the_members_are_the_metrics() {
    let schema = serde_json::to_value(schemars::schema_for!(Metrics)).unwrap();
    let mut known: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut members = MEMBERS;
    known.sort_unstable();
    members.sort_unstable();
    assert_eq!(known, members);
}

#[test]
fn what_is_true_is_accepted() {
    for text in [
        "metrics.sharpeRatio >= 0.3",
        "metrics.trades >= 40 && metrics.maxDrawdown > -0.6",
        "metrics.trades == 40",
        "metrics.sharpeRatio * 2.0 > 0.75 || false",
        "!has(metrics.profitFactor) || metrics.profitFactor > 1.2",
        "has(metrics.trades) ? metrics.trades > 1 : false",
        "-metrics.maxDrawdown / metrics.sharpeRatio < 2.0",
        "  (metrics.sharpeRatio) > 7 % 5 - 2 ",
    ] {
        assert_eq!(judge(text), Judged::Accepted, "{text}");
    }
}

#[test]
fn what_is_not_is_rejected_with_its_values() {
    for (text, words) in [
        ("metrics.sharpeRatio >= 0.5", ["metrics.sharpeRatio >= 0.5", "metrics.sharpeRatio is 0.38"]),
        ("metrics.profitFactor > 1.0", ["a metric is absent", "metrics.profitFactor is absent"]),
        ("metrics.trades > 1 && metrics.alpha > 0", ["metrics.trades is 40", "metrics.alpha is absent"]),
        ("1 / 0 == 1", ["1 / 0 == 1", "zero"]),
        ("9223372036854775807 + 1 > 0", ["9223372036854775807", "verflow"]),
        ("false && true", ["not accepted: ", "false && true"]),
    ] {
        let Judged::Rejected { message, .. } = judge(text) else { panic!("{text} is accepted") };
        for word in words {
            assert!(message.contains(word), "{text}: no {word:?} in {message}");
        }
    }
}

#[test]
fn all_must_be_true_and_the_first_that_is_not_is_named() {
    let all = read(&acceptance(&["true", "metrics.trades > 41", "metrics.trades > 42"])).unwrap();
    let Judged::Rejected { message, .. } = all.judge(&metrics()) else { panic!("accepted") };
    assert!(message.contains("metrics.trades > 41") && message.ends_with("; 1 more"), "{message}");
}

#[test]
fn what_cannot_be_judged_is_named_with_the_remedy() {
    for (text, word) in [
        ("metrics.sharpe > 0.3", "sharpeRatio"),
        ("metrics.sharpeRatio", "compare it"),
        ("metrics.sharpeRatio * 2 > 1", "2.0"),
        ("metrics.sharpeRatio >", "no CEL expression"),
        ("sharpeRatio > 0.3", "metrics.NAME"),
        ("metrics > 0.3", "metrics.NAME"),
        ("metrics.trades.a > 0", "metrics.NAME"),
        ("metrics['trades'] > 0", "has no place"),
        ("[1].all(x, x > 0)", "has no place"),
        ("metrics.trades > 1u", "1.5"),
        ("size(metrics.trades) > 0", "no function"),
        ("metrics.trades.size() > 0", "no function"),
        ("has(metrics)", "has"),
        ("metrics.trades > 0 // fine", "comments"),
        ("metrics.trades > true", "number"),
        ("metrics.trades && true", "true or false"),
        ("", "1 to 512"),
        ("metrics.trades > 0\u{200b}", "has no place"),
        ("metrics.trades > 價", "has no place"),
    ] {
        let said = problem(text);
        assert!(said.starts_with("spec.acceptance.expressions[0]: "), "{said}");
        assert!(said.contains(word), "{text}: no {word:?} in {said}");
    }
    let second = read(&acceptance(&["true", "1"])).unwrap_err().to_string();
    assert!(second.starts_with("spec.acceptance.expressions[1]: "), "{second}");
}

/// Each on a stack as small as that of the operator's own threads, which is that of a test's.
#[test]
fn hostile_texts_are_refused_or_judged() {
    let full = |unit: &str| unit.repeat(MOST_BYTES / unit.len());
    let mut hostile: Vec<String> = [
        "(",
        ")",
        "()",
        "!",
        "-",
        "- ",
        "!(",
        "-(",
        "1+",
        "1?",
        "1?1:",
        "true?true:",
        "a.",
        "metrics.",
        ".",
        "has(",
        "has(metrics.",
        "&&",
        "true&&",
        "true||",
        "1<",
        "1==",
        "0x",
        "9",
        "1e9",
        "1.",
        "-1-",
        "%",
        "?:",
        "(true)&&",
        "((true)&&",
        "!!true||",
        "\n",
        "1*1+",
        "1<1==",
        "*",
        "_",
        "int(",
        "a(",
    ]
    .iter()
    .map(|unit| full(unit))
    .collect();
    hostile.push(full("1+") + "1");
    hostile.push("true&&".repeat(80) + "true");
    hostile.push(format!("{}1{} > 0", "(".repeat(250), ")".repeat(250)));
    hostile.push(format!("{}1{} > 0", "(".repeat(12), ")".repeat(12)));
    hostile.push(format!("{}true{}", "!(true&&".repeat(12), ")".repeat(12)));
    hostile.push(format!("{}true", "!".repeat(500)));
    hostile.push(format!("{}1 > 0", "-".repeat(500)));
    hostile.push(format!("{}1.0 > 0.0", "1.0 - ".repeat(80)));
    hostile.push(format!("{}1.0 > 0.0", "1.0 - ".repeat(19)));
    hostile.push(format!("{}true{}", "true ? ".repeat(40), " : true".repeat(40)));
    hostile.push(format!("{}1{} > 0", "-(".repeat(12), ")".repeat(12)));
    hostile.push(format!("{}true", "false ? true : ".repeat(12)));
    let mut judged = 0;
    for text in hostile {
        if let Ok(all) = read(&acceptance(&[&text])) {
            all.judge(&metrics());
            judged += 1;
        }
    }
    assert!(judged >= 4, "the deepest that is let through is judged too: {judged}");
    assert!(read(&acceptance(&["true"; 17])).unwrap_err().to_string().contains("at most 16"));
    assert!(problem(&"1".repeat(513)).contains("512"));
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_text_of_the_alphabet_panics(text in "[ .+*/%<>=!&|?:()a-z0-9-]{1,60}|(metrics\\.(trades|alpha)|[0-9.]{1,3}|[-+*/%<>=!&|?:() ]{1,2}){1,20}") {
        if let Ok(all) = read(&acceptance(&[&text])) {
            all.judge(&metrics());
        }
    }
}
