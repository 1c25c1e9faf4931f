//! Patterns of plates as the sequences of character sets that fit them.
//!
//! `L` is any letter, `D` any digit, `[..]` one character of a class, `(A|B)` one of several patterns; `?` makes the
//! one before it optional; blank, dash, dot and slash print a gap; anything else is itself.

use std::collections::BTreeMap;

use super::symbols::{DIGITS, LETTERS, NONE, Set, only, symbol};

/// One way to fit a pattern: a set a character.
pub type Slots = Vec<Set>;

/// A pattern of more ways than this is a mistake in the table.
const MAX_WAYS: usize = 20_000;

/// Every way to fit `pattern`; letters of `excluded` fit no `L`. Ways that differ in one character only are one.
/// Says what is wrong with a pattern that is not of the grammar.
pub fn ways(pattern: &str, excluded: Set) -> Result<Vec<Slots>, String> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut reader = Reader { characters: &characters, at: 0, letters: LETTERS & !excluded };
    let ways = reader.alternatives(pattern)?;
    if reader.at < characters.len() {
        return Err(format!("{pattern:?} has a stray {:?}", characters[reader.at]));
    }
    let ways = merged(ways);
    if ways.iter().any(Vec::is_empty) {
        return Err(format!("{pattern:?} fits an empty text"));
    }
    Ok(ways)
}

struct Reader<'a> {
    characters: &'a [char],
    at: usize,
    letters: Set,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.characters.get(self.at).copied()
    }

    fn alternatives(&mut self, pattern: &str) -> Result<Vec<Slots>, String> {
        let mut all = self.sequence(pattern)?;
        while self.peek() == Some('|') {
            self.at += 1;
            all.extend(self.sequence(pattern)?);
        }
        Ok(all)
    }

    fn sequence(&mut self, pattern: &str) -> Result<Vec<Slots>, String> {
        let mut ways: Vec<Slots> = vec![Vec::new()];
        while let Some(next) = self.peek().filter(|c| !"|)".contains(*c)) {
            let mut piece = self.piece(next, pattern)?;
            if self.peek() == Some('?') {
                self.at += 1;
                piece.push(Vec::new());
            }
            if ways.len() * piece.len() > MAX_WAYS {
                return Err(format!("{pattern:?} fits in over {MAX_WAYS} ways"));
            }
            ways = ways.iter().flat_map(|way| piece.iter().map(move |more| [&way[..], more].concat())).collect();
        }
        Ok(ways)
    }

    /// What one piece of the pattern adds: a set, a gap (nothing), or the ways of a group.
    fn piece(&mut self, first: char, pattern: &str) -> Result<Vec<Slots>, String> {
        self.at += 1;
        let set = match first {
            'L' => self.letters,
            'D' => DIGITS,
            '[' => self.class(pattern)?,
            '(' => {
                let inner = self.alternatives(pattern)?;
                if self.peek() != Some(')') {
                    return Err(format!("{pattern:?} lacks a )"));
                }
                self.at += 1;
                return Ok(inner);
            }
            ' ' | '-' | '.' | '/' => return Ok(vec![Vec::new()]),
            other => one(other, pattern)?,
        };
        Ok(vec![vec![set]])
    }

    fn class(&mut self, pattern: &str) -> Result<Set, String> {
        let start = self.at;
        while self.peek().is_some_and(|c| c != ']') {
            self.at += 1;
        }
        let body = &self.characters[start..self.at];
        if self.peek().is_none() || body.is_empty() {
            return Err(format!("{pattern:?} has a class without end or members"));
        }
        self.at += 1;
        let mut set = 0;
        let mut rest = body;
        while let Some(&first) = rest.first() {
            if let [from, '-', to, ..] = *rest {
                if from > to {
                    return Err(format!("{pattern:?} has the range {from}-{to}"));
                }
                for member in from..=to {
                    set |= one(member, pattern)?;
                }
                rest = &rest[3..];
            } else {
                set |= one(first, pattern)?;
                rest = &rest[1..];
            }
        }
        Ok(set)
    }
}

fn one(character: char, pattern: &str) -> Result<Set, String> {
    match symbol(character) {
        NONE => Err(format!("{pattern:?} has a stray {character:?}")),
        known => Ok(only(known)),
    }
}

/// The same texts in fewer ways: those that differ in a single slot become one with the union of that slot's sets.
fn merged(mut ways: Vec<Slots>) -> Vec<Slots> {
    let longest = ways.iter().map(Vec::len).max().unwrap_or(0);
    for at in 0..longest {
        let mut groups: BTreeMap<Slots, Set> = BTreeMap::new();
        let mut short = Vec::new();
        for mut way in ways {
            if let Some(slot) = way.get_mut(at) {
                let set = std::mem::take(slot);
                *groups.entry(way).or_default() |= set;
            } else {
                short.push(way);
            }
        }
        short.extend(groups.into_iter().map(|(mut way, set)| {
            way[at] = set;
            way
        }));
        ways = short;
    }
    ways.sort_unstable();
    ways.dedup();
    ways
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, excluded: &str, text: &str) -> bool {
        let excluded = excluded.chars().map(|c| only(symbol(c))).sum();
        ways(pattern, excluded).unwrap().iter().any(|way| {
            way.len() == text.len() && way.iter().zip(text.chars()).all(|(set, c)| set & only(symbol(c)) != 0)
        })
    }

    #[test]
    fn letters_digits_gaps_and_literals() {
        assert!(fits("LL-DD X", "", "AB12X"));
        assert!(!fits("LL-DD X", "", "AB12Y"));
        assert!(!fits("LL-DD X", "", "A112X"));
        assert!(!fits("LL", "IO", "IA"));
        assert!(fits("[I]L", "IO", "IA"));
    }

    #[test]
    fn classes_take_ranges_and_name_l_and_d_themselves() {
        assert!(fits("[A-CL]", "", "B") && fits("[A-CL]", "", "L") && !fits("[A-CL]", "", "D"));
    }

    #[test]
    fn options_and_groups_nest() {
        for text in ["A1", "A", "BC12", "BC2", "GE"] {
            assert!(fits("(A|BCD|(GE|FG))D?", "", text), "{text}");
        }
        assert!(!fits("(A|BCD|(GE|FG))D?", "", "BC"));
    }

    #[test]
    fn merging_keeps_exactly_the_same_texts() {
        let pattern = "(AB|AC|EB)1?";
        for (text, fitting) in [("AB", true), ("AC1", true), ("EB", true), ("EC", false), ("EC1", false)] {
            assert_eq!(fits(pattern, "", text), fitting, "{text}");
        }
        assert_eq!(ways(pattern, 0).unwrap().len(), 4);
    }

    #[test]
    fn what_is_not_of_the_grammar_is_told() {
        for wrong in ["L]", "(L", "L)", "[", "[]", "[B-A]", "a", "?", "L??", "Ä", ""] {
            assert!(ways(wrong, 0).is_err(), "{wrong}");
        }
    }
}
