//! SRC: the bytes, before any parser. The checks are in `strategy/source.rs` and `strategy/parse/depth.rs`.

use super::rules;

rules! {
    /// The program is too large.
    ///
    /// At most 128 KiB of UTF-8 are accepted. Strategies are a few kilobytes; data does not belong into a program.
    SRC001: Error, core;
    /// The program is not UTF-8.
    ///
    /// Other encodings let one sequence of bytes be read as two programs. Save the file as UTF-8.
    SRC002: Error, core;
    /// A coding comment names another encoding than UTF-8.
    ///
    /// Python decodes a file by a comment on its first two lines, so a harmless comment could hide code. Delete it.
    SRC003: Error, core;
    /// The program has an invisible or reordering character.
    ///
    /// NUL, control, bidirectional and zero-width characters make a program look like another. Write escapes instead.
    SRC004: Error, core;
    /// A line ends with a lone carriage return.
    ///
    /// Python ends a line there, most editors do not: what follows a comment would run unseen. Use LF or CRLF.
    SRC005: Error, core;
    /// The program is nested too deeply.
    ///
    /// Deep nesting exhausts the stack of parsers, Python's own included. Split the expression into named steps.
    SRC006: Error, core;
    /// A line is too long.
    ///
    /// At most 2,000 characters a line. Break it, or compute the table that it spells out.
    SRC007: Error, core;
    /// An identifier has characters beyond ASCII.
    ///
    /// Python normalises identifiers, so differently written names mean the same thing. Use ASCII names; strings and
    /// comments may hold any language.
    SRC008: Error, core;
}
