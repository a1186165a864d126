//! What a strategy may take from pandas 3.x: constructors and pure functions, no reader, writer, evaluator,
//! option or plotting back end.

/// `pandas.*`.
#[rustfmt::skip]
pub(super) const PANDAS: &[&str] = &[
    "BooleanDtype", "Categorical", "CategoricalDtype", "CategoricalIndex", "DataFrame", "DateOffset",
    "DatetimeIndex", "DatetimeTZDtype", "Flags", "Float32Dtype", "Float64Dtype", "Grouper", "Index",
    "IndexSlice", "Int16Dtype", "Int32Dtype", "Int64Dtype", "Int8Dtype", "Interval", "IntervalDtype",
    "IntervalIndex", "MultiIndex", "NA", "NaT", "NamedAgg", "Period", "PeriodDtype", "PeriodIndex",
    "RangeIndex", "Series", "SparseDtype", "StringDtype", "Timedelta", "TimedeltaIndex", "Timestamp",
    "UInt16Dtype", "UInt32Dtype", "UInt64Dtype", "UInt8Dtype", "array", "bdate_range", "concat", "crosstab",
    "cut", "date_range", "factorize", "from_dummies", "get_dummies", "infer_freq", "interval_range", "isna",
    "isnull", "melt", "merge", "merge_asof", "merge_ordered", "notna", "notnull", "period_range", "pivot",
    "pivot_table", "qcut", "timedelta_range", "to_datetime", "to_numeric", "to_timedelta", "unique",
    "wide_to_long",
];

/// `pandas.api.types.*`.
#[rustfmt::skip]
pub(super) const TYPES: &[&str] = &[
    "CategoricalDtype", "DatetimeTZDtype", "IntervalDtype", "PeriodDtype", "infer_dtype",
    "is_any_real_numeric_dtype", "is_array_like", "is_bool", "is_bool_dtype", "is_categorical_dtype",
    "is_complex", "is_complex_dtype", "is_datetime64_any_dtype", "is_datetime64_dtype",
    "is_datetime64_ns_dtype", "is_datetime64tz_dtype", "is_dict_like", "is_dtype_equal",
    "is_extension_array_dtype", "is_float", "is_float_dtype", "is_hashable", "is_int64_dtype", "is_integer",
    "is_integer_dtype", "is_interval_dtype", "is_iterator", "is_list_like", "is_named_tuple", "is_number",
    "is_numeric_dtype", "is_object_dtype", "is_period_dtype", "is_re", "is_re_compilable", "is_scalar",
    "is_signed_integer_dtype", "is_sparse", "is_string_dtype", "is_timedelta64_dtype",
    "is_timedelta64_ns_dtype", "is_unsigned_integer_dtype", "pandas_dtype", "union_categoricals",
];

/// `pandas.tseries.offsets.*`, also reachable as `pandas.offsets.*`.
#[rustfmt::skip]
pub(super) const OFFSETS: &[&str] = &[
    "BDay", "BHalfYearBegin", "BHalfYearEnd", "BMonthBegin", "BMonthEnd", "BQuarterBegin", "BQuarterEnd",
    "BYearBegin", "BYearEnd", "BaseOffset", "BusinessDay", "BusinessHour", "BusinessMonthBegin",
    "BusinessMonthEnd", "CBMonthBegin", "CBMonthEnd", "CDay", "CustomBusinessDay", "CustomBusinessHour",
    "CustomBusinessMonthBegin", "CustomBusinessMonthEnd", "DateOffset", "Day", "Easter", "FY5253",
    "FY5253Quarter", "HalfYearBegin", "HalfYearEnd", "Hour", "LastWeekOfMonth", "Micro", "Milli", "Minute",
    "MonthBegin", "MonthEnd", "Nano", "QuarterBegin", "QuarterEnd", "Second", "SemiMonthBegin",
    "SemiMonthEnd", "Tick", "Week", "WeekOfMonth", "YearBegin", "YearEnd",
];
