//! A caller's own formats: regular expressions that the whole text should match, in either case.

use regex_lite::{Regex, RegexBuilder};

/// Bytes that one compiled expression may take: a caller's repeats of repeats shall not fill the memory.
const MOST_BYTES: usize = 1 << 18;

/// Compiled expressions, in the caller's order.
#[derive(Debug, Clone, Default)]
pub struct TextFormats {
    expressions: Vec<Regex>,
    sources: Vec<String>,
}

impl PartialEq for TextFormats {
    fn eq(&self, other: &Self) -> bool {
        self.sources == other.sources
    }
}

impl TextFormats {
    /// Says which expression cannot be used, and why.
    pub fn new(sources: Vec<String>) -> Result<Self, String> {
        let expressions = sources
            .iter()
            .map(|source| {
                let built =
                    |pattern: &str| RegexBuilder::new(pattern).case_insensitive(true).size_limit(MOST_BYTES).build();
                // Alone first, so that a stray bracket cannot close the group around it.
                built(source)
                    .and_then(|_| built(&format!(r"\A(?:{source})\z")))
                    .map_err(|fault| format!("{source:?} is not a regular expression that can be used: {fault}"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { expressions, sources })
    }

    #[must_use]
    pub fn sources(&self) -> &[String] {
        &self.sources
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.expressions.is_empty()
    }

    /// Whether the whole of `text` matches one of the expressions.
    #[must_use]
    pub fn fit(&self, text: &str) -> bool {
        self.expressions.iter().any(|expression| expression.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formats(sources: &[&str]) -> Result<TextFormats, String> {
        TextFormats::new(sources.iter().map(|&source| source.to_owned()).collect())
    }

    #[test]
    fn the_whole_text_must_match_in_either_case() {
        let formats = formats(&["[0-9]{3,4}[a-z]{3}", "X|^Y[A-Z]$"]).unwrap();
        for (text, fitting) in
            [("123ABC", true), ("1234ABC", true), ("A123ABC", false), ("X", true), ("XX", false), ("YA", true)]
        {
            assert_eq!(formats.fit(text), fitting, "{text}");
        }
    }

    #[test]
    fn an_expression_that_cannot_be_used_is_named() {
        for wrong in ["[", "a)(b", "(?=A)B", "((A{1000}){1000}){1000}"] {
            assert!(formats(&["A", wrong]).unwrap_err().contains("is not a regular expression"), "{wrong}");
        }
    }
}
