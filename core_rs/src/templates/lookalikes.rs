//! Characters that look alike: `lookalikes.csv`, compiled in.

use std::sync::LazyLock;

use super::symbols::{NONE, symbol};

/// Two characters that a reader mistakes for one another.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    pub symbols: [u8; 2],
    /// Negative natural logarithm of how probable the one is where the other was seen.
    pub cost: f64,
    /// Countries whose plates draw the two alike, so that only their place in the text tells them apart.
    pub alike: Vec<String>,
}

impl Pair {
    /// The other one of the pair.
    #[must_use]
    pub fn partner(&self, symbol: u8) -> Option<u8> {
        let [one, two] = self.symbols;
        (symbol == one).then_some(two).or((symbol == two).then_some(one))
    }
}

static COMPILED: LazyLock<Vec<Pair>> = LazyLock::new(|| match parse(include_str!("lookalikes.csv")) {
    Ok(pairs) => pairs,
    // As for the table of formats: the tests parse it.
    Err(fault) => panic!("templates/lookalikes.csv: {fault}"),
});

/// The pairs of this build.
#[must_use]
pub fn compiled() -> &'static [Pair] {
    &COMPILED
}

/// Pairs from `pair,cost,alike` lines under that heading. Says which line is wrong, and how.
pub fn parse(text: &str) -> Result<Vec<Pair>, String> {
    let mut lines = text.lines();
    if lines.next() != Some("pair,cost,alike") {
        return Err("line 1: not the heading pair,cost,alike".into());
    }
    lines.enumerate().map(|(at, line)| parse_row(line).map_err(|fault| format!("line {}: {fault}", at + 2))).collect()
}

fn parse_row(line: &str) -> Result<Pair, String> {
    let [pair, cost, alike] = line.split(',').collect::<Vec<_>>()[..] else {
        return Err("not 3 columns".into());
    };
    let [one, two] = pair.chars().map(symbol).collect::<Vec<_>>()[..] else {
        return Err(format!("pair: {pair:?} is not two characters"));
    };
    if one == NONE || two == NONE || one == two {
        return Err(format!("pair: {pair:?} is not two different ones of A-Z and 0-9"));
    }
    let cost: f64 = cost.parse().map_err(|_| format!("cost: {cost:?} is no number"))?;
    if !(0.0..=10.0).contains(&cost) {
        return Err(format!("cost: {cost} is not within 0 to 10"));
    }
    Ok(Pair { symbols: [one, two], cost, alike: alike.split_whitespace().map(str::to_owned).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table that is compiled in: a wrong row fails here.
    #[test]
    fn the_compiled_pairs_are_whole() {
        let pairs = parse(include_str!("lookalikes.csv")).unwrap();
        let zero = pairs.iter().find(|pair| pair.partner(symbol('0')) == Some(symbol('O'))).unwrap();
        assert_eq!(zero.partner(symbol('O')), Some(symbol('0')));
        assert_eq!(zero.partner(symbol('8')), None);
        assert!(zero.alike.iter().any(|code| code == "gb"));
    }

    #[test]
    fn a_wrong_row_is_named() {
        for (row, fault) in [
            ("0O,0.3", "line 2: not 3 columns"),
            ("0,0.3,", "pair"),
            ("00,0.3,", "pair"),
            ("0o,0.3,", "pair"),
            ("0O,dear,", "cost"),
            ("0O,-1,", "cost"),
        ] {
            let told = parse(&format!("pair,cost,alike\n{row}")).unwrap_err();
            assert!(told.contains(fault), "{told}");
        }
        assert!(parse("0O,0.3,").is_err());
    }
}
