//! What a reader says of one plate: the probability of any text, whatever the kind of the reader, and in however many
//! cuts it saw the plate.

use std::collections::BTreeSet;

use crate::manifest::{ReaderKind, ReaderOutput};
use crate::{ctc, slots};

/// Of several tables none speaks against a text more than this: a cut that went wrong must not outvote the others.
const FLOOR: f64 = 1e-6;

/// Probabilities of one plate, a table `[steps, classes]` row-major of each cut. Labels are class indices; neither blank
/// nor padding is one.
pub struct Evidence<'a> {
    tables: Vec<&'a [f32]>,
    classes: usize,
    alphabet: &'a Alphabet,
}

/// A reader's classes as characters and back.
pub struct Alphabet {
    kind: ReaderKind,
    characters: Vec<char>,
    /// CTC: the blank class. Slots: the class of the padding.
    empty: usize,
    max_length: usize,
}

impl Alphabet {
    #[must_use]
    pub fn new(kind: ReaderKind, spec: &ReaderOutput) -> Self {
        let characters: Vec<char> = spec.alphabet.chars().collect();
        let empty = match kind {
            ReaderKind::Ctc => spec.blank,
            ReaderKind::Slots => characters.iter().position(|&c| Some(c) == spec.pad_char).unwrap_or(characters.len()),
        };
        Self { kind, characters, empty, max_length: spec.max_length }
    }

    #[must_use]
    pub fn character(&self, label: u16) -> char {
        let class = usize::from(label);
        match self.kind {
            ReaderKind::Ctc if class > self.empty => self.characters[class - 1],
            _ => self.characters[class],
        }
    }

    /// The label of a character, if the reader knows it.
    #[must_use]
    pub fn label(&self, character: char) -> Option<u16> {
        let at = self.characters.iter().position(|&c| c == character)?;
        let class = if self.kind == ReaderKind::Ctc && at >= self.empty { at + 1 } else { at };
        Some(class as u16)
    }

    /// Whether a class is the blank or the padding.
    #[must_use]
    pub fn is_empty(&self, label: u16) -> bool {
        usize::from(label) == self.empty
    }

    #[must_use]
    pub fn text(&self, labels: &[u16]) -> String {
        labels.iter().map(|&label| self.character(label)).collect()
    }
}

impl<'a> Evidence<'a> {
    /// `tables` holds one table at least.
    #[must_use]
    pub fn new(tables: Vec<&'a [f32]>, classes: usize, alphabet: &'a Alphabet) -> Self {
        Self { tables, classes, alphabet }
    }

    #[must_use]
    pub fn alphabet(&self) -> &'a Alphabet {
        self.alphabet
    }

    /// The most probable texts with their probabilities, best first.
    #[must_use]
    pub fn best(&self, limit: usize) -> Vec<(Vec<u16>, f64)> {
        let Alphabet { kind, empty, max_length, .. } = *self.alphabet;
        let of = |table: &&[f32]| match kind {
            ReaderKind::Ctc => ctc::beam_search(table, self.classes, empty, max_length),
            ReaderKind::Slots => slots::best_sequences(table, self.classes, empty, limit),
        };
        if let [table] = &self.tables[..] {
            return of(table);
        }
        let all: BTreeSet<Vec<u16>> = self.tables.iter().flat_map(of).map(|(labels, _)| labels).collect();
        let mut found: Vec<(Vec<u16>, f64)> = all
            .into_iter()
            .map(|labels| {
                let p = self.probability(&labels);
                (labels, p)
            })
            .collect();
        found.sort_by(|a, b| b.1.total_cmp(&a.1));
        found
    }

    /// The probability of a text: exact in one table; of several tables the geometric mean, so that a text has to be
    /// likely in each.
    #[must_use]
    pub fn probability(&self, labels: &[u16]) -> f64 {
        let of = |table: &&[f32]| match self.alphabet.kind {
            ReaderKind::Ctc => ctc::probability(table, self.classes, self.alphabet.empty, labels),
            ReaderKind::Slots => slots::probability(table, self.classes, self.alphabet.empty, labels),
        };
        if let [table] = &self.tables[..] {
            return of(table);
        }
        let logs: f64 = self.tables.iter().map(|table| of(table).max(FLOOR).ln()).sum();
        (logs / self.tables.len() as f64).exp()
    }

    /// For each label of a text, the probabilities of all classes where that label stands, as the tables have them in
    /// the mean. Fewer than labels when the text is longer than what the reader saw.
    #[must_use]
    pub fn rows(&self, labels: &[u16]) -> Vec<Vec<f32>> {
        let mut rows: Vec<Vec<f32>> = Vec::with_capacity(labels.len());
        let mut counts: Vec<f32> = Vec::with_capacity(labels.len());
        for table in &self.tables {
            for (at, row) in self.rows_of(table, labels).into_iter().enumerate() {
                if at == rows.len() {
                    rows.push(vec![0.0; self.classes]);
                    counts.push(0.0);
                }
                counts[at] += 1.0;
                for (sum, p) in rows[at].iter_mut().zip(row) {
                    *sum += p;
                }
            }
        }
        for (row, count) in rows.iter_mut().zip(counts) {
            for sum in row {
                *sum /= count;
            }
        }
        rows
    }

    fn rows_of(&self, table: &'a [f32], labels: &[u16]) -> Vec<&'a [f32]> {
        let peaks = match self.alphabet.kind {
            ReaderKind::Ctc => ctc::peaks(table, self.classes, self.alphabet.empty, labels),
            ReaderKind::Slots => slots::peaks(table, self.classes, self.alphabet.empty, labels),
        };
        peaks.into_iter().map(|step| &table[step * self.classes..(step + 1) * self.classes]).collect()
    }

    /// The probability of each label where it stands; 0 for one that the reader has no place for.
    #[must_use]
    pub fn label_scores(&self, labels: &[u16]) -> Vec<f32> {
        let rows = self.rows(labels);
        labels.iter().enumerate().map(|(n, &label)| rows.get(n).map_or(0.0, |row| row[usize::from(label)])).collect()
    }
}
