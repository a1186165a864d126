//! Bounds the depth of the tree before a tree exists.
//!
//! Counts on the tokens of the iterative lexer, since brackets inside strings must not count. `CPython` refuses more
//! than 200 brackets and 100 indents, so nothing that would run is refused here, but for absurdly long chains.

use rustpython_parser::{StringKind, Tok};

/// Deepest nesting of brackets.
const MAX_BRACKETS: usize = 64;
/// Deepest nesting of blocks.
const MAX_BLOCKS: usize = 50;
/// Most operators, calls, attributes and subscripts that may nest in one expression.
const MAX_CHAIN: usize = 1_000;
/// Most `elif` in a program: each one is a level of the tree.
const MAX_ELIF: usize = 500;
/// Deepest nesting of braces in an f-string.
const MAX_BRACES: usize = 8;

/// One open bracket, or the statement itself.
#[derive(Default, Clone, Copy)]
struct Level {
    /// Operators since the last comma: they nest.
    chain: usize,
    /// Operators that a comma does not end (`lambda a, b: lambda c, d: …`).
    held: usize,
}

/// What a token does to the depth.
enum Class<'a> {
    Open,
    Close,
    Comma,
    Newline,
    Indent,
    Dedent,
    Elif,
    /// The text of an f-string.
    Fields(&'a str),
    /// Ends an operand, so that a bracket behind it is a call or a subscript.
    Operand,
    /// An operator, attribute or condition: one level.
    Operator,
    /// An operator whose depth a comma does not end.
    Held,
    Other,
}

/// Running totals over the tokens. Lexical errors are left to the parsers.
pub(super) struct Depth {
    levels: Vec<Level>,
    /// Sum of all levels' counters: a bound for the depth of the expression at this place.
    sum: usize,
    blocks: usize,
    elifs: usize,
    /// Whether the token before ended an operand.
    operand: bool,
}

impl Default for Depth {
    fn default() -> Self {
        Self { levels: vec![Level::default()], sum: 0, blocks: 0, elifs: 0, operand: false }
    }
}

impl Depth {
    /// Counts the next token; says what is too deep with it.
    pub(super) fn take(&mut self, token: &Tok) -> Option<String> {
        let class = classify(token);
        let operand = std::mem::replace(
            &mut self.operand,
            matches!(class, Class::Close | Class::Operand | Class::Fields(_)),
        );
        match class {
            Class::Open => {
                if operand {
                    self.chain();
                }
                self.levels.push(Level::default());
                if self.levels.len() > MAX_BRACKETS + 1 {
                    return Some(format!("more than {MAX_BRACKETS} brackets are open at once"));
                }
            }
            Class::Close => {
                if self.levels.len() > 1
                    && let Some(level) = self.levels.pop()
                {
                    self.sum -= level.chain + level.held;
                }
            }
            Class::Comma => {
                if let Some(level) = self.levels.last_mut() {
                    self.sum -= std::mem::take(&mut level.chain);
                }
            }
            Class::Newline => {
                self.levels.clear();
                self.levels.push(Level::default());
                self.sum = 0;
            }
            Class::Indent => {
                self.blocks += 1;
                if self.blocks > MAX_BLOCKS {
                    return Some(format!("more than {MAX_BLOCKS} blocks are nested"));
                }
            }
            Class::Dedent => self.blocks = self.blocks.saturating_sub(1),
            Class::Elif => {
                self.elifs += 1;
                if self.elifs > MAX_ELIF {
                    return Some(format!("more than {MAX_ELIF} `elif` branches"));
                }
            }
            Class::Fields(text) => return check_fields(text),
            Class::Operator => self.chain(),
            Class::Held => {
                if let Some(level) = self.levels.last_mut() {
                    level.held += 1;
                    self.sum += 1;
                }
            }
            Class::Operand | Class::Other => {}
        }
        (self.sum > MAX_CHAIN).then(|| format!("more than {MAX_CHAIN} operators nest in one expression"))
    }

    fn chain(&mut self) {
        if let Some(level) = self.levels.last_mut() {
            level.chain += 1;
            self.sum += 1;
        }
    }
}

#[rustfmt::skip]
fn classify(token: &Tok) -> Class<'_> {
    match token {
        Tok::Lpar | Tok::Lsqb | Tok::Lbrace => Class::Open,
        Tok::Rpar | Tok::Rsqb | Tok::Rbrace => Class::Close,
        Tok::Comma => Class::Comma,
        Tok::Newline => Class::Newline,
        Tok::Indent => Class::Indent,
        Tok::Dedent => Class::Dedent,
        Tok::Elif => Class::Elif,
        Tok::String { value, kind: StringKind::FString | StringKind::RawFString, .. } => Class::Fields(value),
        Tok::String { .. } | Tok::Name { .. } | Tok::Int { .. } | Tok::Float { .. } | Tok::Complex { .. }
        | Tok::None | Tok::True | Tok::False | Tok::Ellipsis => Class::Operand,
        Tok::Lambda | Tok::Yield | Tok::Await => Class::Held,
        Tok::Plus | Tok::Minus | Tok::Star | Tok::Slash | Tok::Vbar | Tok::Amper | Tok::Less | Tok::Greater | Tok::Dot
        | Tok::Percent | Tok::EqEqual | Tok::NotEqual | Tok::LessEqual | Tok::GreaterEqual | Tok::Tilde | Tok::CircumFlex
        | Tok::LeftShift | Tok::RightShift | Tok::DoubleStar | Tok::DoubleSlash | Tok::At | Tok::ColonEqual | Tok::And
        | Tok::Or | Tok::Not | Tok::If | Tok::Else | Tok::In | Tok::Is => Class::Operator,
        _ => Class::Other,
    }
}

/// The fields of an f-string: the second parser's lexer gives them as text.
fn check_fields(value: &str) -> Option<String> {
    let (mut depth, mut operators) = (0_usize, 0_usize);
    for c in value.chars() {
        match c {
            '{' => depth += 1,
            '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    operators = 0;
                }
            }
            '\'' | '"' | ' ' | '_' | ',' | '\n' | '\\' => {}
            c if depth > 0 && !c.is_alphanumeric() => operators += 1,
            _ => {}
        }
        if depth > MAX_BRACES {
            return Some(format!("more than {MAX_BRACES} braces are nested in an f-string"));
        }
        if operators > MAX_CHAIN {
            return Some(format!("more than {MAX_CHAIN} operators in one field of an f-string"));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::peer::lex;

    fn check(text: &str) -> Option<String> {
        let mut depth = super::Depth::default();
        lex(text).flatten().find_map(|(token, _)| depth.take(&token))
    }

    #[test]
    fn realistic_depth_passes_and_absurd_depth_does_not() {
        assert!(check(&format!("x = {}1{}\n", "(".repeat(60), ")".repeat(60))).is_none());
        assert!(check(&format!("x = {}1{}\n", "(".repeat(65), ")".repeat(65))).is_some());
        assert!(check(&format!("x = [{}]\n", "1 + 2, ".repeat(5_000))).is_none());
        assert!(check(&format!("x = 1{}\n", " + 1".repeat(1_001))).is_some());
        assert!(check(&format!("x = {}1\n", "lambda a, b: ".repeat(1_001))).is_some());
        assert!(check(&format!("x = y{}\n", "()".repeat(1_001))).is_some());
        assert!(check(&format!("x = '{}'\n", "(".repeat(500))).is_none());
    }
}
