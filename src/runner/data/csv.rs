//! Long CSV: a header `date,symbol,` and one column a field, then one row a date and symbol, ordered by date.
//!
//! The form is ours (the dataset build writes it), so there is no quoting: a quote is refused rather than guessed at.

use std::io::BufRead;

use jiff::civil::Date;

use super::columns::Columns;

/// Reads the whole file line by line; `rows` is how many the manifest says there are.
///
/// # Errors
/// The first line that is not of this form, with its number; a file that cannot be read on.
pub(super) fn read(mut file: impl BufRead, rows: u64) -> Result<Columns, String> {
    let mut bytes = Vec::new();
    let header = next_line(&mut file, &mut bytes)?.ok_or("the file is empty")?;
    let fields = header.strip_prefix("date,symbol,").ok_or("the header does not begin with date,symbol,")?;
    let mut columns = Columns::new(fields.split(',').map(str::to_owned).collect(), rows);
    let mut last: Option<(String, Date)> = None;
    let mut number = 1_usize;
    loop {
        number += 1;
        let wrong = |reason: String| format!("line {number}: {reason}");
        let Some(line) = next_line(&mut file, &mut bytes).map_err(wrong)? else {
            return Ok(columns);
        };
        let mut cells = line.split(',');
        let (Some(day), Some(symbol)) = (cells.next(), cells.next()) else {
            return Err(wrong("a row needs a date and a symbol".to_owned()));
        };
        if line.contains('"') {
            return Err(wrong("quotes are not part of this form".to_owned()));
        }
        // Rows of one date follow each other, so most dates are the one before.
        let date = match &last {
            Some((text, date)) if text == day => *date,
            _ => {
                let date = day.parse().map_err(|_| wrong(format!("{day:?} is no ISO date")))?;
                last = Some((day.to_owned(), date));
                date
            }
        };
        let mut bad = None;
        let values = cells.take(columns.width() + 1).map(|cell| {
            number_of(cell).unwrap_or_else(|| {
                bad = Some(cell);
                f64::NAN
            })
        });
        let pushed = columns.push(date, symbol, values);
        if let Some(cell) = bad {
            return Err(wrong(format!("{cell:?} is no finite number")));
        }
        pushed.map_err(wrong)?;
    }
}

/// The next line without its end, read into `bytes`; none at the end of the file.
fn next_line<'a>(file: &mut impl BufRead, bytes: &'a mut Vec<u8>) -> Result<Option<&'a str>, String> {
    bytes.clear();
    if file.read_until(b'\n', bytes).map_err(|error| error.to_string())? == 0 {
        return Ok(None);
    }
    let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    std::str::from_utf8(line).map(Some).map_err(|error| format!("not UTF-8: {error}"))
}

/// Nothing is NaN; anything else must be a finite number.
fn number_of(cell: &str) -> Option<f64> {
    if cell.is_empty() || cell.eq_ignore_ascii_case("nan") {
        return Some(f64::NAN);
    }
    cell.parse::<f64>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        read(text.as_bytes(), 2).unwrap_err()
    }

    #[test]
    fn a_wrong_line_is_named_by_its_number() {
        let good = "date,symbol,close\n2024-01-02,A,1\n";
        assert!(read(good.as_bytes(), 1).is_ok());
        for (line, expected) in [
            ("2024-01-02,A,2", "line 3: A has two rows"),
            ("2024-01-01,A,2", "ordered by date"),
            ("2024-01-03,A,x", "no finite number"),
            ("2024-01-03,A,inf", "no finite number"),
            ("2024-01-03,A", "not 1 values"),
            ("2024-01-03,A,1,2", "not 1 values"),
            ("2024-13-03,A,1", "no ISO date"),
            ("2024-01-03,,1", "no symbol"),
            ("2024-01-03,\"A\",1", "quotes"),
            ("", "a date and a symbol"),
        ] {
            let error = refused(&format!("{good}{line}\n"));
            assert!(error.contains(expected), "{line:?}: {error}");
        }
        assert!(refused("symbol,date\n").contains("header"));
        assert!(refused("").contains("empty"));
    }
}
