//! The table of plate formats, compiled in: `formats.csv`, which `scripts/refresh_templates.py` writes.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use super::pattern::{Slots, ways};
use super::symbols::{DIGITS, LETTERS, Set, only, symbol};

/// How much of a region's plates are those of its own rows; the rest are those of its sub-regions, or of its country.
const OWN_SHARE: f64 = 0.75;

/// Formats of one region, those of its sub-regions and of its country among them.
#[derive(Debug, Default)]
pub struct Region {
    by_length: Vec<Vec<Template>>,
    /// The share of plates that may bear any text: personal plates. They say nothing of a text, so they are no format.
    personal: f64,
}

/// The ways of one format that have the same length.
#[derive(Debug)]
struct Template {
    ways: Vec<Slots>,
    share: f64,
}

impl Region {
    #[must_use]
    pub fn personal(&self) -> f64 {
        self.personal
    }

    /// The share of the region's plates that have a format which `text` (symbols) fits, 0 to 1; 0 when it fits none.
    #[must_use]
    pub fn share(&self, text: &[u8]) -> f64 {
        let Some(templates) = self.by_length.get(text.len()) else { return 0.0 };
        templates.iter().filter(|template| template.ways.iter().any(|way| fits(way, text))).map(|t| t.share).sum()
    }
}

fn fits(way: &Slots, text: &[u8]) -> bool {
    way.iter().zip(text).all(|(set, &symbol)| set & only(symbol) != 0)
}

/// Whether a format tells nothing: any text of its length fits.
fn fits_all(ways: &[Slots]) -> bool {
    ways.iter().flatten().all(|&set| set == LETTERS | DIGITS)
}

/// All regions by code, in lower case, with a dash before a sub-region.
#[derive(Debug)]
pub struct Table {
    regions: HashMap<String, Region>,
}

static COMPILED: LazyLock<Table> = LazyLock::new(|| match Table::parse(include_str!("formats.csv")) {
    Ok(table) => table,
    // The crate's own tests parse the table, so no build that passed them comes here.
    Err(fault) => panic!("templates/formats.csv: {fault}"),
});

/// The table of this build.
#[must_use]
pub fn compiled() -> &'static Table {
    &COMPILED
}

/// Row of the table: its ways and its weight.
type Row = (Vec<Slots>, f64);

impl Table {
    /// A table from `code,pattern,excluded,weight,source` lines under that heading. Says which line is wrong, and how.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut lines = text.lines();
        if lines.next() != Some("code,pattern,excluded,weight,source") {
            return Err("line 1: not the heading code,pattern,excluded,weight,source".into());
        }
        let mut rows: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        for (at, line) in lines.enumerate() {
            let (code, row) = parse_row(line).map_err(|fault| format!("line {}: {fault}", at + 2))?;
            rows.entry(code).or_default().push(row);
        }
        let regions = rows.keys().map(|code| (code.clone(), assembled(code, &rows))).collect();
        Ok(Self { regions })
    }

    /// The formats of a region; for a sub-region without any of its own, those of its country.
    #[must_use]
    pub fn region(&self, code: &str) -> Option<&Region> {
        let code = spelled(code);
        self.regions.get(&code).or_else(|| self.regions.get(country(&code)))
    }
}

/// A region code as the table writes it: the interfaces also know `br_sc`.
#[must_use]
pub fn spelled(code: &str) -> String {
    code.trim().to_ascii_lowercase().replace('_', "-")
}

/// The country of a code as `spelled` gives it.
#[must_use]
pub fn country(code: &str) -> &str {
    code.split_once('-').map_or(code, |(country, _)| country)
}

fn parse_row(line: &str) -> Result<(String, Row), String> {
    let [code, pattern, excluded, weight, _source] = line.split(',').collect::<Vec<_>>()[..] else {
        return Err("not 5 columns".into());
    };
    if code.is_empty() {
        return Err("no code".into());
    }
    let mut without: Set = 0;
    for letter in excluded.chars() {
        let set = only(symbol(letter));
        if set & LETTERS == 0 {
            return Err(format!("excluded: {letter:?} is no letter"));
        }
        without |= set;
    }
    let weight: f64 = weight.parse().map_err(|_| format!("weight: {weight:?} is no number"))?;
    if !(weight > 0.0 && weight <= 1.0) {
        return Err(format!("weight: {weight} is not over 0 and up to 1"));
    }
    Ok((spelled(code), (ways(pattern, without)?, weight)))
}

/// A region's own rows, and beside them those of its sub-regions or, for a sub-region, of its country.
fn assembled(code: &str, rows: &BTreeMap<String, Vec<Row>>) -> Region {
    let inside = format!("{code}-");
    let mut others: Vec<&Vec<Row>> =
        rows.iter().filter(|(other, _)| other.starts_with(&inside)).map(|(_, r)| r).collect();
    if code != country(code) {
        others.extend(rows.get(country(code)));
    }
    let own_share = if others.is_empty() { 1.0 } else { OWN_SHARE };
    let mut shares: BTreeMap<&Vec<Slots>, f64> = BTreeMap::new();
    let count = others.len() as f64;
    let groups = others.into_iter().map(|rows| (rows, (1.0 - own_share) / count));
    for (group, share) in groups.chain([(&rows[code], own_share)]) {
        let total: f64 = group.iter().map(|(_, weight)| weight).sum::<f64>().max(1.0);
        for (ways, weight) in group {
            *shares.entry(ways).or_default() += share * weight / total;
        }
    }
    let mut by_length: Vec<Vec<Template>> = Vec::new();
    // A country's personal plates are those of all its sub-regions.
    let personal_in = |code: &str| -> f64 {
        let rows = rows.get(code).into_iter().flatten();
        rows.filter(|(ways, _)| fits_all(ways)).map(|(_, weight)| weight).sum()
    };
    let personal = personal_in(code).max(personal_in(country(code)));
    for (ways, share) in shares.into_iter().filter(|(ways, _)| !fits_all(ways)) {
        let longest = ways.iter().map(Vec::len).max().unwrap_or(0);
        by_length.resize_with(by_length.len().max(longest + 1), Vec::new);
        for (length, templates) in by_length.iter_mut().enumerate().take(longest + 1) {
            let ways: Vec<Slots> = ways.iter().filter(|way| way.len() == length).cloned().collect();
            if !ways.is_empty() {
                templates.push(Template { ways, share });
            }
        }
    }
    Region { by_length, personal }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn symbols(text: &str) -> Vec<u8> {
        text.chars().map(symbol).collect()
    }

    fn share(code: &str, text: &str) -> f64 {
        compiled().region(code).unwrap().share(&symbols(text))
    }

    /// The table that is compiled in: a wrong row fails here.
    #[test]
    fn the_compiled_table_is_whole() {
        let table = Table::parse(include_str!("formats.csv")).unwrap();
        assert!(table.regions.len() > 250, "{}", table.regions.len());
    }

    #[test]
    fn texts_fit_the_formats_of_their_region() {
        for (code, fitting, other) in [
            ("gb", "AB51CDE", "ABS1CDE"),
            ("de", "MAB1234", "MAB123X4"),
            ("br", "BRA2E19", "BRA2E1I"),
            ("es", "1234BCD", "1234BAD"),
            ("us-ca", "7ABC234", "7IBC234X"),
            ("ro", "CJ12ABC", "XX12ABC"),
            ("pk", "LEB1234", "1234LEB"),
        ] {
            assert!(share(code, fitting) > 0.1, "{code} {fitting}");
            assert!(share(code, other) < 0.01, "{code} {other}");
        }
    }

    #[test]
    fn a_country_covers_its_sub_regions_and_they_fall_back_to_it() {
        // New York's taxis are no row of the country.
        assert!(share("us", "T123456C") > 0.0);
        assert!(share("us-ny", "T123456C") > share("us", "T123456C"));
        // California has no three letters and four digits; the country's mix does.
        assert!(share("us-ca", "ABC1234") > 0.0);
        assert!(share("us-ca", "7ABC234") > share("us", "7ABC234"));
        // The table writes this one with an underscore.
        assert!(share("br-sc", "BRA2E19") > 0.1);
        assert!(compiled().region("de-by").is_some());
        assert!(compiled().region("xx").is_none());
    }

    #[test]
    fn personal_plates_are_no_format() {
        for code in ["us", "us-ca"] {
            assert!((0.02..0.1).contains(&compiled().region(code).unwrap().personal()), "{code}");
            assert!(share(code, "SUPERB") <= 0.0, "{code}");
        }
    }

    #[test]
    fn shares_are_at_most_one() {
        for (code, text) in [("us", "ABC1234"), ("br", "ABC1D23"), ("gb", "AB12CDE"), ("gb", "BIG1234")] {
            let share = share(code, text);
            assert!(share > 0.0 && share <= 1.0, "{code} {share}");
        }
    }

    #[test]
    fn a_wrong_row_is_named() {
        let heading = "code,pattern,excluded,weight,source\n";
        for (row, fault) in [
            ("gb,LL,,0.5", "line 2: not 5 columns"),
            (",LL,,0.5,x", "line 2: no code"),
            ("gb,LL,1,0.5,x", "excluded"),
            ("gb,LL,,7,x", "weight"),
            ("gb,LL,,much,x", "weight"),
            ("gb,L],,0.5,x", "stray"),
        ] {
            let told = Table::parse(&format!("{heading}{row}")).unwrap_err();
            assert!(told.contains(fault), "{told}");
        }
        assert!(Table::parse("code;pattern").is_err());
    }
}
