//! The 36 characters that templates know, and sets of them.

/// A set of symbols: bit `n` is symbol `n`, digits first, then A to Z.
pub type Set = u64;

pub const DIGITS: Set = (1 << 10) - 1;
pub const LETTERS: Set = ((1 << 26) - 1) << 10;

/// A character that no set holds, such as a letter of another script.
pub const NONE: u8 = 63;

/// The symbol of a character of A-Z or 0-9, `NONE` for any other.
#[must_use]
pub fn symbol(character: char) -> u8 {
    match character {
        '0'..='9' => character as u8 - b'0',
        'A'..='Z' => character as u8 - b'A' + 10,
        _ => NONE,
    }
}

/// The set of one symbol.
#[must_use]
pub fn only(symbol: u8) -> Set {
    1 << symbol
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_digits_are_apart_and_hold_no_other() {
        assert_eq!(LETTERS & DIGITS, 0);
        assert_eq!((LETTERS | DIGITS).count_ones(), 36);
        assert_ne!(LETTERS & only(symbol('Z')), 0);
        assert_ne!(DIGITS & only(symbol('9')), 0);
        assert_eq!((LETTERS | DIGITS) & only(symbol('Ä')), 0);
    }
}
