//! What is compared of the two parsers' trees: how many constructs of each kind, and every name and text.
//!
//! Both trees are read in the same order wherever they have the same shape, so that equal programs mostly give equal
//! lists. Where they do not, the lists are compared as multisets: the order itself is no difference.

/// What a compared name is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tag {
    Name,
    Attribute,
    Definition,
    Parameter,
    Import,
    Keyword,
    Capture,
    Declaration,
    TypeParameter,
    Text,
}

macro_rules! kinds {
    ($($kind:ident),+ $(,)?) => {
        /// A construct without a name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Kind {
            $($kind),+
        }

        const KINDS: &[Kind] = &[$(Kind::$kind),+];
    };
}

kinds! {
    Def, Class, Return, Del, Type, Assign, AugAssign, AnnAssign, For, While, If, With, Match, Raise, Try, Assert,
    Import, From, Pass, Break, Continue,
    BoolOp, Walrus, Binary, Unary, Lambda, IfElse, Dict, Set, Comprehension, Await, Yield, Compare, Call, Bytes, Number,
    Constant, Subscript, Starred, List, Slice, Field,
    Store, Delete,
}

/// Tagged pieces of one text: one memory for all of them.
#[derive(Debug, Default, PartialEq, Eq)]
struct Words {
    text: String,
    /// What each piece is, and its length.
    pieces: Vec<(Tag, usize)>,
}

/// The compared parts of a program.
#[derive(Debug)]
pub(super) struct Fingerprint {
    kinds: [usize; KINDS.len()],
    names: Words,
    texts: Words,
}

impl Fingerprint {
    /// Of an empty program.
    pub(super) fn new() -> Self {
        Self { kinds: [0; KINDS.len()], names: Words::default(), texts: Words::default() }
    }

    /// Notes a construct.
    pub(super) fn kind(&mut self, kind: Kind) {
        if let Some(count) = self.kinds.get_mut(kind as usize) {
            *count += 1;
        }
    }

    /// Notes a name.
    pub(super) fn name(&mut self, tag: Tag, name: &str) {
        self.names.push(tag, name);
    }

    /// Notes a string literal, all its parts together.
    pub(super) fn text(&mut self, text: &str) {
        self.texts.push(Tag::Text, text);
    }
}

impl Words {
    fn push(&mut self, tag: Tag, word: &str) {
        self.text.push_str(word);
        self.pieces.push((tag, word.len()));
    }

    fn sorted(&self) -> Vec<(Tag, &str)> {
        let mut rest = self.text.as_str();
        let mut words: Vec<(Tag, &str)> = Vec::with_capacity(self.pieces.len());
        for (tag, length) in &self.pieces {
            let (word, behind) = rest.split_at_checked(*length).unwrap_or((rest, ""));
            words.push((*tag, word));
            rest = behind;
        }
        words.sort_unstable();
        words
    }
}

/// The first thing that is not in both.
pub(super) fn difference(ours: &Fingerprint, theirs: &Fingerprint) -> Option<String> {
    let kinds = KINDS.iter().zip(ours.kinds.iter().zip(&theirs.kinds));
    for (kind, (a, b)) in kinds {
        if a != b {
            return Some(format!("{kind:?}"));
        }
    }
    words_difference(&ours.names, &theirs.names).or_else(|| words_difference(&ours.texts, &theirs.texts))
}

fn words_difference(ours: &Words, theirs: &Words) -> Option<String> {
    if ours == theirs {
        return None;
    }
    let (ours, theirs) = (ours.sorted(), theirs.sorted());
    if ours == theirs {
        return None;
    }
    let at = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
    let first = ours.get(at).into_iter().chain(theirs.get(at)).min();
    first.map(|(tag, name)| format!("{tag:?} {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[(Tag, &str)]) -> Fingerprint {
        let mut made = Fingerprint::new();
        for (tag, name) in names {
            made.name(*tag, name);
        }
        made
    }

    #[test]
    fn order_is_no_difference_and_everything_else_is() {
        let of = |a: &[(Tag, &str)], b: &[(Tag, &str)]| difference(&names(a), &names(b));
        assert_eq!(of(&[(Tag::Name, "a"), (Tag::Name, "b")], &[(Tag::Name, "b"), (Tag::Name, "a")]), None);
        assert_eq!(of(&[(Tag::Name, "a")], &[(Tag::Keyword, "a")]).unwrap(), "Name a");
        assert_eq!(
            of(&[(Tag::Name, "ab"), (Tag::Name, "c")], &[(Tag::Name, "a"), (Tag::Name, "bc")]).unwrap(),
            "Name a"
        );
        assert_eq!(of(&[(Tag::Name, "a")], &[(Tag::Name, "a"), (Tag::Name, "a")]).unwrap(), "Name a");
        let (mut one, mut two) = (names(&[]), names(&[]));
        one.kind(Kind::Call);
        assert_eq!(difference(&one, &two).unwrap(), "Call");
        two.kind(Kind::Call);
        two.text("x");
        assert_eq!(difference(&one, &two).unwrap(), "Text x");
    }
}
