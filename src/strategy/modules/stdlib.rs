//! What a strategy may take from the standard library.

/// `math.*`.
#[rustfmt::skip]
pub(super) const MATH: &[&str] = &[
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "cbrt", "ceil", "comb", "copysign", "cos",
    "cosh", "degrees", "dist", "e", "erf", "erfc", "exp", "exp2", "expm1", "fabs", "factorial", "floor",
    "fma", "fmod", "frexp", "fsum", "gamma", "gcd", "hypot", "inf", "isclose", "isfinite", "isinf", "isnan",
    "isqrt", "lcm", "ldexp", "lgamma", "log", "log10", "log1p", "log2", "modf", "nan", "nextafter", "perm",
    "pi", "pow", "prod", "radians", "remainder", "sin", "sinh", "sqrt", "sumprod", "tan", "tanh", "tau",
    "trunc", "ulp",
];

/// `cmath.*`.
#[rustfmt::skip]
pub(super) const CMATH: &[&str] = &[
    "acos", "acosh", "asin", "asinh", "atan", "atanh", "cos", "cosh", "e", "exp", "inf", "infj", "isclose",
    "isfinite", "isinf", "isnan", "log", "log10", "nan", "nanj", "phase", "pi", "polar", "rect", "sin",
    "sinh", "sqrt", "tan", "tanh", "tau",
];

/// `statistics.*`.
#[rustfmt::skip]
pub(super) const STATISTICS: &[&str] = &[
    "NormalDist", "StatisticsError", "correlation", "covariance", "fmean", "geometric_mean",
    "harmonic_mean", "kde", "kde_random", "linear_regression", "mean", "median", "median_grouped",
    "median_high", "median_low", "mode", "multimode", "pstdev", "pvariance", "quantiles", "stdev",
    "variance",
];

/// `itertools.*`.
#[rustfmt::skip]
pub(super) const ITERTOOLS: &[&str] = &[
    "accumulate", "batched", "chain", "combinations", "combinations_with_replacement", "compress", "count",
    "cycle", "dropwhile", "filterfalse", "groupby", "islice", "pairwise", "permutations", "product",
    "repeat", "starmap", "takewhile", "tee", "zip_longest",
];

/// `decimal.*`.
#[rustfmt::skip]
pub(super) const DECIMAL: &[&str] = &[
    "BasicContext", "Clamped", "Context", "ConversionSyntax", "Decimal", "DecimalException", "DecimalTuple",
    "DefaultContext", "DivisionByZero", "DivisionImpossible", "DivisionUndefined", "ExtendedContext",
    "FloatOperation", "Inexact", "InvalidContext", "InvalidOperation", "MAX_EMAX", "MAX_PREC", "MIN_EMIN",
    "MIN_ETINY", "Overflow", "ROUND_05UP", "ROUND_CEILING", "ROUND_DOWN", "ROUND_FLOOR", "ROUND_HALF_DOWN",
    "ROUND_HALF_EVEN", "ROUND_HALF_UP", "ROUND_UP", "Rounded", "Subnormal", "Underflow", "getcontext",
    "localcontext", "setcontext",
];

/// `fractions.*`.
#[rustfmt::skip]
pub(super) const FRACTIONS: &[&str] = &["Fraction"];

/// `numbers.*`.
#[rustfmt::skip]
pub(super) const NUMBERS: &[&str] = &["Complex", "Integral", "Number", "Rational", "Real"];

/// `bisect.*`.
#[rustfmt::skip]
pub(super) const BISECT: &[&str] = &[
    "bisect", "bisect_left", "bisect_right", "insort", "insort_left", "insort_right",
];

/// `heapq.*`.
#[rustfmt::skip]
pub(super) const HEAPQ: &[&str] = &[
    "heapify", "heappop", "heappush", "heappushpop", "heapreplace", "merge", "nlargest", "nsmallest",
];

/// `datetime.*`.
#[rustfmt::skip]
pub(super) const DATETIME: &[&str] = &[
    "MAXYEAR", "MINYEAR", "UTC", "date", "datetime", "time", "timedelta", "timezone", "tzinfo",
];

/// `typing.*`: without `get_type_hints` and `ForwardRef`, which evaluate text.
#[rustfmt::skip]
pub(super) const TYPING: &[&str] = &[
    "Annotated", "Any", "Callable", "ClassVar", "Collection", "Concatenate", "Container", "Counter",
    "DefaultDict", "Deque", "Dict", "Final", "FrozenSet", "Generator", "Generic", "Hashable", "Iterable",
    "Iterator", "List", "Literal", "LiteralString", "Mapping", "MutableMapping", "MutableSequence",
    "MutableSet", "NamedTuple", "Never", "NewType", "NoReturn", "NotRequired", "Optional", "OrderedDict",
    "ParamSpec", "Protocol", "ReadOnly", "Required", "Reversible", "Self", "Sequence", "Set", "Sized",
    "SupportsAbs", "SupportsFloat", "SupportsIndex", "SupportsInt", "SupportsRound", "TYPE_CHECKING",
    "Text", "Tuple", "Type", "TypeAlias", "TypeGuard", "TypeIs", "TypeVar", "TypeVarTuple", "TypedDict",
    "Union", "Unpack", "assert_never", "assert_type", "cast", "final", "overload", "override",
    "reveal_type", "runtime_checkable",
];

/// `dataclasses.*`: without `make_dataclass` (builds a class from text) and `fields` (gives annotations away).
#[rustfmt::skip]
pub(super) const DATACLASSES: &[&str] = &[
    "FrozenInstanceError", "InitVar", "KW_ONLY", "asdict", "astuple", "dataclass", "field",
    "is_dataclass", "replace",
];

/// `collections.*`.
#[rustfmt::skip]
pub(super) const COLLECTIONS: &[&str] = &[
    "ChainMap", "Counter", "OrderedDict", "defaultdict", "deque", "namedtuple",
];

/// `collections.abc.*`.
#[rustfmt::skip]
pub(super) const COLLECTIONS_ABC: &[&str] = &[
    "Callable", "Collection", "Container", "Generator", "Hashable", "ItemsView", "Iterable", "Iterator",
    "KeysView", "Mapping", "MutableMapping", "MutableSequence", "MutableSet", "Reversible", "Sequence",
    "Set", "Sized", "ValuesView",
];

/// `functools.*`: without `update_wrapper` (copies attributes by name) and `singledispatch` (evaluates annotations).
#[rustfmt::skip]
pub(super) const FUNCTOOLS: &[&str] = &[
    "cache", "cached_property", "cmp_to_key", "lru_cache", "partial", "partialmethod", "reduce",
    "total_ordering", "wraps",
];

/// `enum.*`.
#[rustfmt::skip]
pub(super) const ENUM: &[&str] = &["Enum", "Flag", "IntEnum", "IntFlag", "StrEnum", "auto", "unique"];

/// `abc.*`.
#[rustfmt::skip]
pub(super) const ABC: &[&str] = &["ABC", "abstractmethod"];

/// `logging.*`: loggers and levels; no handler, no file.
#[rustfmt::skip]
pub(super) const LOGGING: &[&str] = &[
    "CRITICAL", "DEBUG", "ERROR", "INFO", "NOTSET", "WARNING", "basicConfig", "critical", "debug", "error",
    "exception", "getLogger", "info", "log", "warning",
];

/// `__future__.*`.
#[rustfmt::skip]
pub(super) const FUTURE: &[&str] = &["annotations"];
