//! Findings as one JSON array, for programs.

use serde::Serialize;

use super::Verdict;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a str>,
    rule_id: &'a str,
    severity: &'a str,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
    message: &'a str,
    hint: &'a str,
    snippet: &'a str,
}

/// Every finding, in the order of the files. Lines and columns count from 1, columns in code points.
///
/// # Errors
/// Never for what is written here; kept because the serialiser can fail for others.
pub fn render(verdicts: &[Verdict]) -> Result<String, serde_json::Error> {
    let items: Vec<Item<'_>> = verdicts
        .iter()
        .flat_map(|verdict| verdict.findings.iter().map(move |located| (verdict, located)))
        .map(|(verdict, located)| Item {
            path: &verdict.path,
            run: verdict.run.as_deref(),
            rule_id: located.finding.rule,
            severity: located.finding.severity.as_str(),
            line: located.span.line,
            column: located.span.column,
            end_line: located.span.end_line,
            end_column: located.span.end_column,
            message: &located.finding.message,
            hint: &located.finding.hint,
            snippet: &located.finding.snippet,
        })
        .collect();
    serde_json::to_string_pretty(&items).map(|text| text + "\n")
}
