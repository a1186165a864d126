//! PAR: text to tree. The checks are in `strategy/parse.rs`.

use super::rules;

rules! {
    /// The program does not parse.
    ///
    /// It must be valid Python 3.13.
    PAR001: Error, core;
    /// Only one of the gate's two parsers accepts the program.
    ///
    /// What two parsers read differently cannot be judged. The usual cause is an f-string that reuses its own quotes
    /// inside braces: use the other kind of quotes there.
    PAR002: Error, core;
    /// A parser failed on the program.
    ///
    /// The program made the gate itself fail, which honest programs do not. Simplify it, and report the bug.
    PAR003: Error, core;
    /// The gate's two parsers read the program differently.
    ///
    /// Names or constructs differ between two independent parsers, so what is judged may not be what runs.
    PAR004: Error, core;
}
