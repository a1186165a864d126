//! Parquet with the columns of the CSV form: `date` (DATE, TIMESTAMP or ISO text), `symbol` (text), then numbers. Flat,
//! ordered by date.

use jiff::civil::Date;
use jiff::{Span, ToSpan as _};
use parquet::basic::{LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{ByteArray, DataType};
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::schema::types::ColumnDescriptor;

use super::columns::Columns;

/// Rows that are read at once: a group may be the whole file, and as cells it would take a multiple of its size.
const BATCH: usize = 64 * 1024;

/// Reads the whole file; `rows` is how many the manifest says there are.
///
/// # Errors
/// What is not of this form.
pub(super) fn read(file: impl ChunkReader + 'static, rows: u64) -> Result<Columns, String> {
    let reader = SerializedFileReader::new(file).map_err(|error| error.to_string())?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let names: Vec<String> = schema.columns().iter().map(|column| column.path().string()).collect();
    let fields = names.strip_prefix(&["date".to_owned(), "symbol".to_owned()]);
    let fields = fields.ok_or("the first columns are not date and symbol")?;
    let mut columns = Columns::new(fields.to_vec(), rows);
    for index in 0..reader.num_row_groups() {
        let group = reader.get_row_group(index).map_err(|error| error.to_string())?;
        read_group(&*group, &names, &mut columns)?;
    }
    Ok(columns)
}

fn read_group(group: &dyn RowGroupReader, names: &[String], columns: &mut Columns) -> Result<(), String> {
    let rows =
        usize::try_from(group.metadata().num_rows()).map_err(|_| "negative number of rows".to_owned())?;
    let descriptor = |index: usize| group.metadata().column(index).column_descr();
    let located = |index: usize| move |reason: String| format!("column {}: {reason}", names[index]);
    let mut readers = (0..names.len())
        .map(|index| group.get_column_reader(index).map_err(|error| located(index)(error.to_string())))
        .collect::<Result<Vec<_>, _>>()?;
    let [date, symbol, fields @ ..] = readers.as_mut_slice() else {
        return Err("the first columns are not date and symbol".to_owned());
    };
    for first in (0..rows).step_by(BATCH) {
        let rows = BATCH.min(rows - first);
        let dates = dates(date, descriptor(0), rows).map_err(located(0))?;
        let symbols = texts(symbol, descriptor(1), rows).map_err(located(1))?;
        let fields = (2..)
            .zip(fields.iter_mut())
            .map(|(index, field)| numbers(field, descriptor(index), rows).map_err(located(index)))
            .collect::<Result<Vec<_>, _>>()?;
        for (row, (date, symbol)) in dates.into_iter().zip(symbols).enumerate() {
            columns.push(date, &symbol, fields.iter().map(|field| field[row]))?;
        }
    }
    Ok(())
}

/// So many cells of one flat column; absent values are `None`.
fn cells<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    descriptor: &ColumnDescriptor,
    rows: usize,
) -> Result<Vec<Option<T::T>>, String> {
    if descriptor.max_rep_level() != 0 || descriptor.max_def_level() > 1 {
        return Err("is nested".to_owned());
    }
    let (mut levels, mut values) = (Vec::new(), Vec::new());
    let mut read = 0;
    while read < rows {
        let (records, ..) = reader
            .read_records(rows - read, Some(&mut levels), None, &mut values)
            .map_err(|error| error.to_string())?;
        if records == 0 {
            return Err(format!("ends after {read} of {rows} rows"));
        }
        read += records;
    }
    if descriptor.max_def_level() == 0 {
        return Ok(values.into_iter().map(Some).collect());
    }
    let mut values = values.into_iter();
    levels
        .into_iter()
        .map(
            |level| {
                if level == 0 {
                    Ok(None)
                } else {
                    values.next().map(Some).ok_or_else(|| "is torn".to_owned())
                }
            },
        )
        .collect()
}

fn numbers(
    reader: &mut ColumnReader,
    descriptor: &ColumnDescriptor,
    rows: usize,
) -> Result<Vec<f64>, String> {
    #[expect(clippy::cast_precision_loss, reason = "a volume beyond 2^53 may lose its last digits")]
    let values: Vec<f64> = match reader {
        ColumnReader::DoubleColumnReader(reader) => {
            cells(reader, descriptor, rows)?.into_iter().map(|cell| cell.unwrap_or(f64::NAN)).collect()
        }
        ColumnReader::FloatColumnReader(reader) => cells(reader, descriptor, rows)?
            .into_iter()
            .map(|cell| cell.map_or(f64::NAN, f64::from))
            .collect(),
        ColumnReader::Int32ColumnReader(reader) => cells(reader, descriptor, rows)?
            .into_iter()
            .map(|cell| cell.map_or(f64::NAN, f64::from))
            .collect(),
        ColumnReader::Int64ColumnReader(reader) => cells(reader, descriptor, rows)?
            .into_iter()
            .map(|cell| cell.map_or(f64::NAN, |cell| cell as f64))
            .collect(),
        _ => return Err("is neither floating point nor integer".to_owned()),
    };
    if values.iter().any(|value| value.is_infinite()) {
        return Err("has an infinite value".to_owned());
    }
    Ok(values)
}

fn texts(
    reader: &mut ColumnReader,
    descriptor: &ColumnDescriptor,
    rows: usize,
) -> Result<Vec<String>, String> {
    let ColumnReader::ByteArrayColumnReader(reader) = reader else {
        return Err("is no text".to_owned());
    };
    let text = |cell: Option<ByteArray>| {
        let cell = cell.ok_or("has an empty cell")?;
        cell.as_utf8().map(str::to_owned).map_err(|_| "is not UTF-8")
    };
    cells(reader, descriptor, rows)?.into_iter().map(|cell| text(cell).map_err(str::to_owned)).collect()
}

fn dates(reader: &mut ColumnReader, descriptor: &ColumnDescriptor, rows: usize) -> Result<Vec<Date>, String> {
    match (reader, descriptor.logical_type_ref()) {
        (ColumnReader::Int32ColumnReader(reader), Some(LogicalType::Date)) => {
            cells(reader, descriptor, rows)?.into_iter().map(|cell| date_of(cell.map(i64::from), 1)).collect()
        }
        (ColumnReader::Int64ColumnReader(reader), Some(LogicalType::Timestamp(kind))) => {
            let a_day = 86_400
                * match kind.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                };
            cells(reader, descriptor, rows)?.into_iter().map(|cell| date_of(cell, a_day)).collect()
        }
        (reader @ ColumnReader::ByteArrayColumnReader(_), _) => texts(reader, descriptor, rows)?
            .into_iter()
            .map(|text| text.parse().map_err(|_| format!("{text:?} is no ISO date")))
            .collect(),
        _ => Err("is neither DATE nor TIMESTAMP nor text".to_owned()),
    }
}

/// A date from a number of units since 1970, of which a day has `a_day`.
fn date_of(cell: Option<i64>, a_day: i64) -> Result<Date, String> {
    let units = cell.ok_or("has an empty cell")?;
    if units % a_day != 0 {
        return Err("has a time of day".to_owned());
    }
    let days: Span = i32::try_from(units / a_day).map_err(|_| "is out of range".to_owned())?.days();
    Date::constant(1970, 1, 1).checked_add(days).map_err(|_| "is out of range".to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use parquet::data_type::{ByteArrayType, DoubleType, Int32Type, Int64Type};
    use parquet::file::writer::SerializedFileWriter;
    use parquet::schema::parser::parse_message_type;

    use super::*;

    /// Two groups of rows of (days since 1970, symbol, close or nothing, volume).
    fn written(schema: &str, a_day: i64) -> Vec<u8> {
        let schema = Arc::new(parse_message_type(schema).expect("a schema"));
        let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).expect("a writer");
        for first in [19_000_i32, 19_002] {
            let mut group = writer.next_row_group().expect("a group");
            let days = [first, first, first + 1];
            let mut column = group.next_column().expect("writing").expect("date");
            if a_day == 0 {
                column.typed::<Int32Type>().write_batch(&days, None, None).expect("dates");
            } else {
                let stamps = days.map(|day| i64::from(day) * a_day);
                column.typed::<Int64Type>().write_batch(&stamps, None, None).expect("dates");
            }
            column.close().expect("closing");
            let mut column = group.next_column().expect("writing").expect("symbol");
            let symbols = ["A", "B", "A"].map(ByteArray::from);
            column.typed::<ByteArrayType>().write_batch(&symbols, None, None).expect("symbols");
            column.close().expect("closing");
            let mut column = group.next_column().expect("writing").expect("close");
            column.typed::<DoubleType>().write_batch(&[1.5, 2.5], Some(&[1, 0, 1]), None).expect("closes");
            column.close().expect("closing");
            let mut column = group.next_column().expect("writing").expect("volume");
            column.typed::<Int64Type>().write_batch(&[7, 8, 9], None, None).expect("volumes");
            column.close().expect("closing");
            group.close().expect("closing");
        }
        writer.into_inner().expect("a file")
    }

    fn schema(date: &str) -> String {
        format!(
            "message m {{ required {date}; required binary symbol (UTF8); optional double close; required int64 volume; }}"
        )
    }

    fn refused(bytes: Vec<u8>) -> String {
        read(Bytes::from(bytes), 6).expect_err("refused")
    }

    #[test]
    fn dates_and_time_stamps_are_read_alike() {
        let by_date = read(Bytes::from(written(&schema("int32 date (DATE)"), 0)), 6).expect("columns");
        let by_time = Bytes::from(written(&schema("int64 date (TIMESTAMP(MICROS,false))"), 86_400_000_000));
        let by_time = read(by_time, 6).expect("columns");
        assert_eq!(format!("{by_date:?}").len(), format!("{by_time:?}").len());
        assert_eq!(by_date.width(), 2);
        let text = format!("{by_date:?}");
        assert!(text.contains("2022-01-08") && text.contains("2022-01-11"), "{text}");
        assert!(
            text.contains("[1.5, 7.0, NaN, 8.0, 2.5, 9.0, 1.5, 7.0, NaN, 8.0, 2.5, 9.0]")
                && text.contains("rows: [0, 2, 3, 5]")
                && text.contains("rows: [1, 4]"),
            "{text}"
        );
    }

    #[test]
    fn what_is_no_table_of_days_is_refused() {
        assert!(
            refused(written(&schema("int64 date (TIMESTAMP(MILLIS,false))"), 86_400_001))
                .contains("time of day")
        );
        assert!(refused(written(&schema("int64 date"), 1)).contains("column date"));
        assert!(refused(written(&schema("int32 day (DATE)"), 0)).contains("date and symbol"));
        assert!(read(Bytes::from_static(b"PAR1 but not really PAR1"), 6).is_err());
        let good = written(&schema("int32 date (DATE)"), 0);
        for cut in (0..good.len()).step_by(13) {
            assert!(read(Bytes::copy_from_slice(&good[..cut]), 6).is_err(), "cut at {cut}");
        }
    }
}
