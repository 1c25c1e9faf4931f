//! What a reader says of one plate: the probability of any text, whatever the kind of the reader.

use crate::manifest::{ReaderKind, ReaderOutput};
use crate::{ctc, slots};

/// Probabilities of one plate, `[steps, classes]` row-major. Labels are class indices; neither blank nor padding is one.
pub struct Evidence<'a> {
    steps: &'a [f32],
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
    #[must_use]
    pub fn new(steps: &'a [f32], classes: usize, alphabet: &'a Alphabet) -> Self {
        Self { steps, classes, alphabet }
    }

    #[must_use]
    pub fn alphabet(&self) -> &'a Alphabet {
        self.alphabet
    }

    /// The most probable texts with their probabilities, best first.
    #[must_use]
    pub fn best(&self, limit: usize) -> Vec<(Vec<u16>, f64)> {
        let Alphabet { kind, empty, max_length, .. } = *self.alphabet;
        match kind {
            ReaderKind::Ctc => ctc::beam_search(self.steps, self.classes, empty, max_length),
            ReaderKind::Slots => slots::best_sequences(self.steps, self.classes, empty, limit),
        }
    }

    /// The exact probability of a text.
    #[must_use]
    pub fn probability(&self, labels: &[u16]) -> f64 {
        match self.alphabet.kind {
            ReaderKind::Ctc => ctc::probability(self.steps, self.classes, self.alphabet.empty, labels),
            ReaderKind::Slots => slots::probability(self.steps, self.classes, self.alphabet.empty, labels),
        }
    }

    /// For each label of a text, the probabilities of all classes where that label stands. Fewer than labels when the
    /// text is longer than what the reader saw.
    #[must_use]
    pub fn rows(&self, labels: &[u16]) -> Vec<&'a [f32]> {
        let peaks = match self.alphabet.kind {
            ReaderKind::Ctc => ctc::peaks(self.steps, self.classes, self.alphabet.empty, labels),
            ReaderKind::Slots => slots::peaks(self.steps, self.classes, self.alphabet.empty, labels),
        };
        peaks.into_iter().map(|step| &self.steps[step * self.classes..(step + 1) * self.classes]).collect()
    }

    /// The probability of each label where it stands; 0 for one that the reader has no place for.
    #[must_use]
    pub fn label_scores(&self, labels: &[u16]) -> Vec<f32> {
        let rows = self.rows(labels);
        labels.iter().enumerate().map(|(n, &label)| rows.get(n).map_or(0.0, |row| row[usize::from(label)])).collect()
    }
}
